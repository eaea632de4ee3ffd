/** The options of the log in memory, checked and completed. @module */
import { systemRuntime } from '../ports/runtime.ts'
import type { MemoryLogOptions } from './memory-types.ts'

export type MemoryLogSettings = Required<Omit<MemoryLogOptions, 'topics'>>

/** @throws TypeError quoting the option that is wrong. */
export function memoryLogSettings(options: Omit<MemoryLogOptions, 'topics'>): MemoryLogSettings {
  const runtime = systemRuntime()
  const defaults: MemoryLogSettings = {
    autoCreate: true,
    partitions: 1,
    retentionRecords: 100_000,
    retentionBytes: 16_777_216,
    maxBytes: 268_435_456,
    maxRecordBytes: 1_048_576,
    maxTopics: 1000,
    now: () => runtime.now(),
    random: () => runtime.random(),
  }
  for (const name of Object.keys(options)) {
    if (!(name in defaults)) throw new TypeError(`\`${name}\` is not an option of the memory log`)
  }
  const settings = { ...defaults, ...options }
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === 'number') atLeastOne(value, name)
  }
  return settings
}

export function atLeastOne(value: number, option: string): number {
  if (!(value >= 1) || (!Number.isInteger(value) && value !== Infinity)) {
    throw new TypeError(`\`${option}\` must be a whole number of at least 1, got ${value}`)
  }
  return value
}
