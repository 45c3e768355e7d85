export { AddressBook } from './address-book.js';
export { busyError, ContainerLocks } from './container-lock.js';
export { streamStart, type EventKind, type EventPage, type MigrationEvent } from './events.js';
export { HostSlots } from './host-slots.js';
export {
  MigrationStore,
  unclaimedEpoch,
  type JobLock,
  type NewMigration,
  type Note,
  type Step,
  type StepResult,
} from './migration-store.js';
export {
  isSettled,
  migrationModes,
  reasonOf,
  type MigrationMode,
  type MigrationRecord,
  type Reason,
} from './record.js';
export { hadNoEffect, StateStoreConnection, type RedisAddress } from './redis.js';
export { allStates, isFinal, mayFollow, statesBefore, transitions, type MigrationState } from './states.js';
