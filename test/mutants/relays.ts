/**
 * Mutants of a gateway before another server: which log it is, how old its ends are, and what may not be lost on the way.
 *
 * @module
 */
import type { Mutant } from './mutant.ts'

const PARTITION = 'services/gateway/upstream/partition.ts'
const AHEAD = 'services/gateway/upstream/read-ahead.ts'
const PACED = 'services/gateway/upstream/paced-calls.ts'
const UPSTREAM = 'services/gateway/upstream/index.ts'
const V2 = 'services/gateway/protocols/confluent/v2.ts'
const UNIT = {
  identity: 'services/gateway/upstream/identity.test.ts',
  reading: 'services/gateway/upstream/reading.test.ts',
  writing: 'services/gateway/upstream/writing.test.ts',
  relay: 'services/gateway/upstream/relay.test.ts',
}
const unseen = 'No simulated world has a relay.'

export const relayMutants: readonly Mutant[] = [
  {
    id: 'relay-believes',
    what: 'A relay goes on in whatever log is there, though its last record is another one.',
    file: AHEAD,
    from: 'if (!lineage.isFound(found.records[0], this.#connection.runtime.monotonic(), sought)) {',
    to: 'if (lineage.id === undefined) {',
    breaks: ['I1', 'I6'],
    hint: [UNIT.identity],
    unseen,
  },
  {
    id: 'relay-does-not-look',
    what: 'A relay names its lineage for an end further on without having looked.',
    file: PARTITION,
    from: "    await this.#reader('uncommitted').afresh()\n",
    to: '',
    breaks: ['I1', 'I7'],
    hint: [UNIT.identity],
    unseen,
  },
  {
    id: 'relay-keeps-its-window',
    what: 'What a relay has read of a log outlives that log.',
    file: PARTITION,
    from: 'if (this.#logId !== logId) this.#readers.clear()\n',
    to: '',
    breaks: ['I1', 'I6'],
    hint: [UNIT.identity],
    unseen,
  },
  {
    id: 'relay-shares-an-older-end',
    what: 'A client that asks a relay while a sample is under way gets that one.',
    file: PACED,
    from: 'return (this.#next ??= this.#begin())',
    to: 'const call = (this.#next ??= this.#begin())\n    void call.finally(() => (this.#next = undefined)).catch(() => undefined)\n    return call',
    also: [
      {
        file: PACED,
        from: '    } finally {\n      this.#next = undefined\n    }',
        to: '    } finally {\n      // nothing\n    }',
      },
    ],
    breaks: ['I1', 'I7'],
    hint: [UNIT.reading],
    unseen,
  },
  {
    id: 'relay-has-no-pace',
    what: 'A relay asks its upstream as often as its clients ask.',
    file: PACED,
    from: 'if (this.#turns < 0) await',
    to: 'if (this.#turns < -1e9) await',
    breaks: [],
    hint: [UNIT.reading],
    unseen,
  },
  {
    id: 'relay-loses-headers',
    what: 'A relay writes a record without the headers that its upstream cannot carry.',
    file: UPSTREAM,
    from: 'if (headers && headers.length > 0) return',
    to: 'if (headers && headers.length > 1e9) return',
    breaks: [],
    hint: [UNIT.writing],
    unseen,
  },
  {
    id: 'relay-tells-its-lineage',
    what: 'A relay tells over REST the name that it has made itself: another relay has another one, and caches flush at each turn.',
    file: V2,
    from: "if (!isLineage) c.header('kedge-log-id', logId)",
    to: "c.header('kedge-log-id', isLineage ? logId : logId)",
    breaks: ['I11'],
    hint: [UNIT.relay],
    unseen,
  },
]
