/** The echoes of a socket: when one is asked for, and which question it answers. */
import { beforeEach, expect, it } from 'vitest'
import { Echoes } from '../../../../adapters/sharing/tail/echoes.ts'
import { LinkEchoes } from '../../../../adapters/sharing/tail/link-echoes.ts'
import { Clock } from '../../../../src/runtime/clock.ts'
import { fakeRuntime } from '../../../../src/testing/index.ts'
import type { FakeRuntime } from '../../../../src/testing/index.ts'

let runtime: FakeRuntime
let link: LinkEchoes
beforeEach(() => {
  runtime = fakeRuntime()
  link = new LinkEchoes(runtime)
})

function caller() {
  const [clock, echoes] = [new Clock(runtime), new Echoes(0)]
  link.add(clock, echoes)
  const ageMs = (at: number) => echoes.ageMs({ life: 'one', at }, clock.now(), clock.unknownBefore)
  return { clock, ageMs }
}

it('are asked for by each caller’s clock, at most once in 30 s', async () => {
  expect(link.question()).toBeUndefined()
  const callers = [caller(), caller()]
  expect(link.question()).toBe(1)
  link.heard({ question: 1, life: 'one', theirs: 1000 })
  await runtime.advance(29_999)
  for (const { ageMs } of callers) expect(ageMs(1000 + 29_999)).toBe(1)
  expect(link.question()).toBeUndefined()
  await runtime.advance(1)
  expect(link.question()).toBe(2)
})

it('that have not come are asked for again after 3 s, and the late one counts for nothing', async () => {
  const { ageMs } = caller()
  const late = link.question()!
  expect(link.question()).toBeUndefined()
  await runtime.advance(3000)
  const next = link.question()!
  expect(next).not.toBe(late)
  link.heard({ question: late, life: 'one', theirs: 1000 })
  expect(ageMs(1000)).toBe(Infinity)
  link.heard({ question: next, life: 'one', theirs: 4000 })
  expect(ageMs(4000)).toBe(1)
})

it('are asked for at once after a doubt, and after the socket has ended', async () => {
  caller()
  link.heard({ question: link.question()!, life: 'one', theirs: 0 })
  await runtime.advance(3000)
  link.doubt()
  const question = link.question()!
  expect(question).toBe(2)
  link.forget()
  expect(link.question()).toBe(3)
})

it('serve eight callers, the last ones', async () => {
  const callers = Array.from({ length: 9 }, caller)
  link.heard({ question: link.question()!, life: 'one', theirs: 1000 })
  expect(callers.map(({ ageMs }) => ageMs(1000))).toEqual([Infinity, ...Array.from({ length: 8 }, () => 1)])
})
