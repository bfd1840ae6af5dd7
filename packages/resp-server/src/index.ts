export type { Connection, ConnectionListener } from './connection.ts';
export type { RespServerErrorCode } from './errors.ts';
export { RespServerError } from './errors.ts';
export type { ListenersOptions, ListenOptions, SecureOptions } from './listeners.ts';
export { Listeners } from './listeners.ts';
export { SocketConnection } from './socket-connection.ts';
