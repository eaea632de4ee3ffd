/** A box to evict by hand. A whole namespace asks twice. @module */
import { useState } from 'preact/hooks'
import type { Evicts } from '../state.ts'
import { evictedAt, evictionRequest } from './eviction-request.ts'
import type { Kind, Wanted } from './eviction-request.ts'
import { ask, faultIn } from './server.ts'

export interface EvictBoxProps {
  readonly evicts: Evicts
  readonly authorization: string | undefined
}

type Outcome = { readonly says: string; readonly isBad: boolean }

const KINDS: readonly (readonly [Kind, string])[] = [
  ['key', 'a key'],
  ['tag', 'a tag'],
  ['prefix', 'a prefix'],
  ['all', 'all of it'],
]
const DEADLINE_MS = 15_000

export function EvictBox({ evicts, authorization }: EvictBoxProps) {
  const [wanted, want] = useState<Wanted>({ namespace: '', kind: 'key', name: '' })
  const [isSure, beSure] = useState(false)
  const [isBusy, beBusy] = useState(false)
  const [outcome, say] = useState<Outcome>()
  const { namespace, kind, name } = wanted
  const change = (changed: Partial<Wanted>) => {
    want({ ...wanted, ...changed })
    beSure(false)
  }
  const submit = async (event: Event) => {
    event.preventDefault()
    if (kind === 'all' && !isSure) return beSure(true)
    beSure(false)
    beBusy(true)
    say(await evicted(evicts, wanted, authorization))
    beBusy(false)
  }
  return (
    <section class="card">
      <h2>Evict</h2>
      <form class="evict" onSubmit={(event) => void submit(event)}>
        <label>
          <span>Namespace</span>
          <input
            required
            maxLength={64}
            autoComplete="off"
            spellcheck={false}
            value={namespace}
            onInput={({ currentTarget }) => change({ namespace: currentTarget.value })}
          />
        </label>
        <label>
          <span>What</span>
          <select
            value={kind}
            onChange={({ currentTarget }) => change({ kind: currentTarget.value as Kind })}
          >
            {KINDS.map(([value, says]) => (
              <option key={value} value={value}>
                {says}
              </option>
            ))}
          </select>
        </label>
        {kind !== 'all' && (
          <label>
            <span>{{ key: 'Key', tag: 'Tag', prefix: 'Prefix' }[kind]}</span>
            <input
              required
              maxLength={512}
              autoComplete="off"
              spellcheck={false}
              value={name}
              onInput={({ currentTarget }) => change({ name: currentTarget.value })}
            />
          </label>
        )}
        <button type="submit" class={isSure ? 'primary danger' : 'primary'} disabled={isBusy}>
          {isSure ? `Evict all of ${namespace}?` : isBusy ? 'Evicting …' : 'Evict'}
        </button>
      </form>
      <p role="status" class={outcome?.isBad ? 'outcome bad' : 'outcome'}>
        {isSure ? 'Every cache loads this namespace again. Press once more to do it.' : (outcome?.says ?? '')}
      </p>
    </section>
  )
}

async function evicted(evicts: Evicts, wanted: Wanted, authorization: string | undefined): Promise<Outcome> {
  try {
    const { path, type, body } = evictionRequest(evicts, wanted)
    const signal = AbortSignal.timeout(DEADLINE_MS)
    const response = await ask(path, authorization, { method: 'POST', type, body, signal })
    if (!response.ok) return { says: await faultIn(response), isBad: true }
    return { says: `Evicted, ${evictedAt(evicts, await response.json())}.`, isBad: false }
  } catch (error) {
    const isLate = error instanceof DOMException
    return {
      says: isLate ? 'No answer in time: it may be evicted.' : (error as Error).message,
      isBad: true,
    }
  }
}
