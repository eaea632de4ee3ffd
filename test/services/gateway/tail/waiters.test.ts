import { afterEach, describe, expect, it } from 'vitest'
import { memoryCluster, startGateway } from '../../../../services/gateway/index.ts'
import type { RunningGateway } from '../../../../services/gateway/index.ts'
import { Waiters } from '../../../../services/gateway/tail/waiters.ts'
import { withTail } from '../../../../services/gateway/tail/tail.ts'
import { MemoryLog } from '../../../../src/testing/memory-log.ts'
import { BINARY, bytes, Clock, harness, until } from '../harness.ts'

describe('readers that wait at a loop', () => {
  it('have one timer together, and each its own time', async () => {
    const clock = new Clock()
    const waiters = new Waiters(clock.runtime, () => {})
    const over: number[] = []
    for (const ms of [300, 100, 200, 100, 5000]) {
      waiters.add({
        offset: 0,
        deadline: clock.ms + ms,
        settle: (how) => void over.push(how === 'over' ? ms : -1),
        refuse: () => void over.push(-2),
      })
    }
    expect(clock.sleeping).toBe(1)
    for (const [step, expected] of [
      [99, []],
      [1, [100, 100]],
      [100, [100, 100, 200]],
      [1000, [100, 100, 200, 300]],
    ] as const) {
      clock.advance(step)
      await new Promise((resolve) => setImmediate(resolve))
      expect(over).toEqual(expected)
      expect(clock.sleeping).toBe(1)
    }
    waiters.tellAll()
    expect([waiters.size, clock.sleeping]).toEqual([0, 0])
  })

  it('resolve with where they stand, or are refused together, and leave no timer', async () => {
    const clock = new Clock()
    const waiters = new Waiters(clock.runtime, () => {})
    const ended: unknown[] = []
    const wait = (offset: number) =>
      waiters.add({
        offset,
        deadline: clock.ms + 50,
        settle: (how) => void ended.push([offset, how]),
        refuse: (error) => void ended.push([offset, error]),
      })
    wait(7)
    wait(3)
    waiters.tell((offset) => offset < 5)
    expect([ended, waiters.size]).toEqual([[[3, 'told']], 1])
    waiters.refuseAll('gone')
    expect([ended[1], waiters.size]).toEqual([[7, 'gone'], 0])
    expect(clock.sleeping).toBe(0)
  })
})

function tailed() {
  const clock = new Clock()
  const log = new MemoryLog({ now: () => clock.ms, topics: { t: 1 } })
  const tail = withTail(memoryCluster(log, { runtime: clock.runtime }), { runtime: clock.runtime })
  const poll = (options: Partial<Parameters<typeof tail.readPartition>[1]>) =>
    tail.readPartition({ topic: 't', partition: 0, offset: 0 }, { maxBytes: 99, waitMs: 60_000, ...options })
  return { clock, log, poll, tail }
}

describe('a wait at a shared tail', () => {
  it('ends when the gateway stops, for all by one signal, and at once afterwards', async () => {
    const { log, poll, tail } = tailed()
    const stopping = new AbortController()
    const waits = Array.from({ length: 20 }, () => poll({ stopping: stopping.signal }))
    const other = poll({})
    await until(() => log.waiting === 1)
    stopping.abort()
    for (const answer of await Promise.all(waits)) expect(answer).toMatchObject({ records: [], next: 0 })
    expect((await poll({ stopping: stopping.signal })).records).toEqual([])
    log.append('t', { key: null, value: bytes('x') })
    expect((await other).records).toHaveLength(1)
    await tail.close()
  })

  it('ends when the waiting reader is gone, without a question for the cluster', async () => {
    const { log, poll, tail } = tailed()
    const left: unknown[] = []
    const caller = {
      answer: (read: unknown) => void left.push(read),
      refuse: (error: unknown) => void left.push(error),
    }
    const options = { maxBytes: 99, waitMs: 60_000 }
    const other = poll({})
    const gone = tail.startRead!({ topic: 't', partition: 0, offset: 0 }, options, caller)
    await until(() => log.waiting === 1)
    expect(left).toEqual([])
    gone.leave()
    expect(left).toMatchObject([{ records: [], sampled: false }])
    gone.leave()
    log.append('t', { key: null, value: bytes('x') })
    expect((await other).records).toHaveLength(1)
    expect(left).toHaveLength(1)
    await tail.close()
  })
})

let gateway: Pick<RunningGateway, 'url' | 'close'> | undefined
afterEach(() => gateway?.close())

describe('an answer that is written to Node directly', () => {
  it.each([
    ['the past of a named log', 'offset=0&timeout=0&max_bytes=10&log=', 200],
    ['the end', 'offset=4&timeout=0&max_bytes=1000', 200],
    ['nothing', 'offset=5&timeout=0&max_bytes=10', 200],
    ['another log', 'offset=0&timeout=0&max_bytes=10&log=x', 412],
    ['what is out of range', 'offset=9&timeout=0&max_bytes=10', 400],
    ['a format that is none', 'offset=0&timeout=0&max_bytes=10', 406],
  ])('is the same as any other: %s', async (name, query, status) => {
    const log = new MemoryLog({ topics: { t: 1 } })
    for (let i = 0; i < 5; i++) log.append('t', { key: null, value: bytes('zürich') })
    const cluster = memoryCluster(log)
    gateway = await startGateway({ cluster })
    const id = query.endsWith('log=') ? log.describe('t')!.id : ''
    const path = `/topics/t/partitions/0/records?${query}${id}`
    const accept = name.startsWith('a format') ? 'text/plain' : BINARY
    const headers = { accept, 'x-request-id': 'the-same' }
    const served = await fetch(gateway.url + path, { headers })
    const plain = await harness({}, { cluster: withTail(cluster) }).get(path, headers)
    expect([served.status, plain.status]).toEqual([status, status])
    expect(await served.text()).toBe(await plain.text())
    const {
      date,
      connection,
      'keep-alive': kept,
      'content-length': length,
      ...told
    } = Object.fromEntries(served.headers)
    expect(told).toEqual(Object.fromEntries(plain.headers))
    expect(date && connection && length).toBeTruthy()
    // Longer than a balancer keeps its connections.
    expect(kept).toBe('timeout=65')
  })

  it('has no body for HEAD, and is counted by its status', async () => {
    const log = new MemoryLog({ topics: { t: 1 } })
    log.append('t', { key: null, value: bytes('x') })
    const seen: number[] = []
    gateway = await startGateway({
      cluster: memoryCluster(log),
      onRequest: ({ status }) => void seen.push(status),
    })
    const url = `${gateway.url}/topics/t/partitions/0/records?offset=0&timeout=0&max_bytes=10`
    const response = await fetch(url, { method: 'HEAD', headers: { accept: BINARY } })
    expect([response.status, await response.text(), response.headers.get('kedge-next-offset')]).toEqual([
      200,
      '',
      '1',
    ])
    expect(seen).toEqual([200])
  })
})
