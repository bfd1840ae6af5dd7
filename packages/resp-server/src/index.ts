export type { Channels, MessageKind } from './clients/channels.ts';
export type { Client, ClientType, Upgrade } from './clients/client.ts';
export type { TrafficCounts } from './clients/clients.ts';
export type { Identity } from './commands/access-commands.ts';
export type { Command, Commands } from './commands/command.ts';
export { MANY } from './commands/command.ts';
export type { Connection, ConnectionListener } from './connection.ts';
export type { RespServerErrorCode } from './errors.ts';
export { RespServerError } from './errors.ts';
export type { ListenOptions, SecureOptions } from './listeners.ts';
export type { LiveOptions, RespServerOptions } from './options.ts';
export type { Reply } from './replies.ts';
export {
  array,
  bulk,
  error,
  integer,
  map,
  NIL,
  NOT_A_NUMBER,
  OK,
  otherSubcommand,
  push,
  SYNTAX_ERROR,
  simple,
  textOf,
  unknownCommand,
  verbatim,
  wrongArity,
} from './replies.ts';
export type { Request } from './request-reader.ts';
export { BadRequest, RequestReader } from './request-reader.ts';
export type { RespServerCounts } from './resp-server.ts';
export { RespServer } from './resp-server.ts';
export { SocketConnection } from './socket-connection.ts';
