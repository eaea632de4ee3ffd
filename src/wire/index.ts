/**
 * `kedge/messages`: what records of kedge's topics say, for programs that read them.
 *
 * @module
 */
export { readGroup } from './batch-message.ts'
export type {
  BeatMessage,
  ClearMessage,
  DeleteMessage,
  EvictMessage,
  IntentMessage,
  Message,
} from './messages.ts'
export type { PutMessage, PutsMessage, RequestMessage } from './messages.ts'
export { readEviction } from './read-eviction.ts'
export type { Eviction, Intent } from './read-eviction.ts'
export { readRequest } from './read-request.ts'
export { readUpdate } from './read-update.ts'
export type { Arrived, ArrivedDrop, ArrivedValue } from './read-update.ts'
export { readWrite } from './write-message.ts'
export type { WriteMessage } from './write-message.ts'
