/**
 * `kedge/persister`: writes to the sources what `writeBehind` has written to the log.
 *
 * @module
 */
export { kafkaEventRecords } from '../../adapters/events/lambda-event.ts'
export type { PersisterOptions } from './options.ts'
export { createPersister } from './service.ts'
export type {
  Persister,
  PersisterEvent,
  PersisterHealth,
  PersisterLag,
  PersisterStats,
  PersistResult,
  PersistWrites,
  PositionKeeper,
  StoredWrite,
} from './types.ts'
