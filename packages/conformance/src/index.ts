export type { CompareOptions } from './compare/compare.ts';
export { compareDataSets } from './compare/compare.ts';
export { dribble } from './compliance/dribble.ts';
export type { ComplianceCase, Session } from './compliance/primary-cases.ts';
export { primaryCases, sessionWith } from './compliance/primary-cases.ts';
export { Wire } from './compliance/wire.ts';
export type { ConformanceErrorCode } from './errors.ts';
export { ConformanceError } from './errors.ts';
export { everyType } from './load/every-type.ts';
export type { LoadOptions, LoadResult } from './load/load.ts';
export { Load, mixedLoad } from './load/load.ts';
export type { SeedOptions } from './load/seed.ts';
export { seedDataSet } from './load/seed.ts';
export type { Handshake, HandshakeOptions, ScriptedPeer } from './scripted/peer.ts';
export type { Script, ScriptedPrimaryOptions } from './scripted/primary.ts';
export { ScriptedPrimary } from './scripted/primary.ts';
export type { BootCopyOptions, ManifestFile } from './servers/boot-copy.ts';
export { bootCopy, parseManifest } from './servers/boot-copy.ts';
export type { Certificates } from './servers/certificates.ts';
export { makeCertificates } from './servers/certificates.ts';
export type { Abilities, Flavour, InstalledServer } from './servers/installed.ts';
export {
  abilitiesOf,
  atLeast,
  installedServer,
  installedServers,
  installedTool,
} from './servers/installed.ts';
export { freePort } from './servers/ports.ts';
export type { ServerOptions } from './servers/preparation.ts';
export type { Word } from './servers/server.ts';
export { Server } from './servers/server.ts';
