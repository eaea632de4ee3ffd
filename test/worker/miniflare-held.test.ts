/** What workerd does with values that outlive the request that made them, with the guard and without. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle } from '../runtime/bundle.ts'
import type { Replacement } from '../runtime/bundle.ts'
import { startIsolate } from './miniflare-isolate.ts'
import type { RunningIsolate } from './miniflare-isolate.ts'
import { startSource } from './miniflare-source.ts'
import type { Source } from './miniflare-source.ts'

const ENTRY = new URL('./miniflare-held-worker.ts', import.meta.url)
const NO_GUARD: Replacement = {
  file: 'src/read/load.ts',
  from: 'checkHoldable(value, this.#space.name, key)',
  to: '',
}

let source: Source
let guarded: RunningIsolate
let unguarded: RunningIsolate
beforeAll(async () => {
  source = await startSource({ '7': 'Ada' })
  const start = async (replacements: readonly Replacement[]) => {
    const { code } = await bundle(ENTRY, { replacements, external: ['cloudflare:*'] })
    return startIsolate(code, { ORIGIN_URL: source.url })
  }
  guarded = await start([])
  unguarded = await start([NO_GUARD])
})
afterAll(async () => {
  await Promise.all([guarded, unguarded].map((each) => each.close()))
  await source.close()
})

const ask = async ({ url }: RunningIsolate, path: string) => {
  const answer = await fetch(`${url}${path}`)
  return `${answer.status} ${await answer.text()}`
}

describe('what cannot outlive a request', () => {
  it.each(['response', 'within', 'stream', 'reader', 'signal', 'stub', 'socket'])(
    'throws in the next one if it is held, and is refused: %s',
    async (kind) => {
      expect(await ask(unguarded, `/hold/${kind}`)).toBe('200 held')
      expect(await ask(unguarded, `/use/${kind}`)).toMatch(
        /^500 Cannot perform I\/O on behalf of a different request/,
      )
      expect(await ask(guarded, `/hold/${kind}`)).toMatch(/^500 ERR_CODEC: .*cannot outlive the request/)
      expect(await ask(guarded, `/use/${kind}`)).toBe('404 not held')
    },
  )

  it.each(['json', 'bytes', 'blob', 'headers'])('is not what is data, and that is held: %s', async (kind) => {
    expect(await ask(guarded, `/hold/${kind}`)).toBe('200 held')
    expect(await ask(guarded, `/use/${kind}`)).toMatch(
      kind === 'headers' ? /^200 application\/json/ : /^200 .*Ada/,
    )
  })
})
