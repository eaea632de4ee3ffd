/** A store of proofs in memory, which a test may have misbehave. */
import type { ProofStore } from '../../../../adapters/sharing/tail.ts'

export interface MemoryProofs extends ProofStore {
  /** Every entry that was ever put, by name, the newest last. */
  readonly entries: Map<string, string[]>
}

export function memoryStore(): MemoryProofs {
  const entries = new Map<string, string[]>()
  return {
    entries,
    get: async (name) => entries.get(name)?.at(-1),
    put: async (name, text) => void entries.set(name, [...(entries.get(name) ?? []), text]),
  }
}
