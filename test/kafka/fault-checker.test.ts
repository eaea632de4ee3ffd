import { beforeEach, describe, expect, it } from 'vitest'
import { KedgeError } from '../../src/index.ts'
import { FaultChecker, type Read } from './fault-checker.ts'

const PROMISES = { maxStalenessMs: 1000, maxOutageMs: 3000, slackMs: 10, maxReadMs: 3000, maxPublishMs: 5000 }

describe('The checker of the fault rounds', () => {
  let checker: FaultChecker
  const rules = () => checker.violations.map(({ rule }) => rule)
  const read = (version: number, began: number, more: Partial<Read> = {}) =>
    checker.reads({
      who: 'isolate',
      key: 'row',
      version,
      began,
      ended: began + 1,
      cached: true,
      flagged: false,
      ...more,
    })
  /** Version 1 of `row`: acknowledged at 100, at offset 0. */
  const written = () => {
    const publish = checker.begins('row', 1, 90)
    checker.acknowledges(publish, 'k1.0-1', 100)
    return publish
  }

  beforeEach(() => {
    checker = new FaultChecker(PROMISES)
  })

  it('finds nothing in a trace that keeps every promise', () => {
    const { mark } = written()
    const failed = checker.begins('row', 2, 200)
    checker.fails(failed, new KedgeError('ERR_PUBLISH', 'no answer'), 300)
    read(0, 100 + 1000)
    read(1, 100 + 1000 + 20)
    read(0, 100 + 3000, { flagged: true })
    read(2, 5000, { after: checker.newest('row') })
    checker.closes(new Map([[0, ['row', mark]]]))
    expect(rules()).toEqual([])
    expect(checker.count).toMatchObject({ acknowledged: 1, reported: 1, reportedInLog: 0, reads: 4 })
  })

  it('finds a value served after `maxStaleness`', () => {
    written()
    read(0, 100 + 1000 + 11)
    expect(rules()).toEqual(['stale'])
  })

  it('finds a loaded value that is too old, as well as a cached one', () => {
    written()
    read(0, 100 + 1000 + 11, { cached: false })
    expect(rules()).toEqual(['stale'])
  })

  it('finds a flagged value served after `maxOutage`, and none before', () => {
    written()
    read(0, 100 + 3000, { flagged: true })
    expect(rules()).toEqual([])
    read(0, 100 + 3000 + 11, { flagged: true })
    expect(rules()).toEqual(['stale beyond the outage'])
  })

  it('holds a read to the newest of all evictions that were due, whatever their order', () => {
    checker.acknowledges(checker.begins('row', 7, 0), 'k1.0-2', 100)
    checker.acknowledges(checker.begins('row', 6, 0), 'k1.0-1', 200)
    read(6, 200 + 1000 + 11)
    expect(rules()).toEqual(['stale'])
  })

  it('holds a read to nothing that another row was promised', () => {
    written()
    read(0, 10_000, { key: 'another' })
    expect(rules()).toEqual([])
  })

  it('finds a read that misses the write whose token it has', () => {
    written()
    read(0, 101, { after: checker.newest('row') })
    expect(rules()).toEqual(['own write not read'])
  })

  it('finds an acknowledged eviction that is not in the log', () => {
    written()
    checker.closes(new Map())
    expect(rules()).toEqual(['lost'])
  })

  it('finds another eviction of the same key where the acknowledged one should be', () => {
    const { mark } = written()
    checker.closes(
      new Map([
        [0, ['row', 'mark-9']],
        [1, ['row', mark]],
      ]),
    )
    expect(rules()).toEqual(['lost'])
  })

  it('finds a record of the eviction that lacks its key', () => {
    const { mark } = written()
    checker.closes(new Map([[0, [mark]]]))
    expect(rules()).toEqual(['lost'])
  })

  it('finds one place in the log that was acknowledged to two', () => {
    const { mark } = written()
    const second = checker.begins('row', 2, 200)
    checker.acknowledges(second, 'k1.0-1', 210)
    checker.closes(new Map([[0, ['row', mark, second.mark]]]))
    expect(rules()).toEqual(['acknowledged twice'])
  })

  it('finds a publish that was neither acknowledged nor reported', () => {
    checker.begins('row', 1, 0)
    checker.closes(new Map())
    expect(rules()).toEqual(['unreported'])
  })

  it('finds a publish that failed with something that is no report', () => {
    checker.fails(checker.begins('row', 1, 0), new Error('socket hang up'), 10)
    checker.fails(checker.begins('row', 2, 0), new KedgeError('ERR_TIMEOUT', 'late'), 10)
    expect(rules()).toEqual(['reported wrongly', 'reported wrongly'])
  })

  it('finds a publish in the log that was said to be refused', () => {
    const refused = checker.begins('row', 1, 0)
    checker.fails(refused, new KedgeError('ERR_UNKNOWN_TOPIC', 'no'), 10)
    checker.closes(new Map())
    expect(rules()).toEqual([])
    checker.closes(new Map([[0, ['row', refused.mark]]]))
    expect(rules()).toEqual(['reported wrongly'])
  })

  it('finds calls that take longer than their deadline', () => {
    checker.acknowledges(checker.begins('row', 1, 0), 'k1.0-1', 5001)
    checker.fails(checker.begins('row', 2, 0), new KedgeError('ERR_PUBLISH', 'no answer'), 5001)
    read(1, 0, { ended: 3001 })
    expect(rules()).toEqual(['late', 'late', 'late'])
  })

  it('finds a read that fails', () => {
    checker.readFails('isolate', 'row', new Error('no answer'))
    expect(rules()).toEqual(['failed read'])
  })

  it('counts what was reported as an error and is in the log, and what is there twice', () => {
    const publish = checker.begins('row', 1, 0)
    checker.fails(publish, new KedgeError('ERR_PUBLISH', 'no answer'), 10)
    checker.closes(
      new Map([
        [0, ['row', publish.mark]],
        [1, ['row', publish.mark]],
      ]),
    )
    expect(checker.violated).toBe(0)
    expect(checker.count).toMatchObject({ reportedInLog: 1, repeated: 1 })
  })
})
