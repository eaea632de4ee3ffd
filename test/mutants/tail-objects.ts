/**
 * Mutants of the tail in a Durable Object: which object an isolate asks, how, and what is refused before.
 *
 * @module
 */
import type { Mutant } from './mutant.ts'

const ASKS_OBJECT = 'worker/tail/durable-tail.ts'
const OBJECT = 'worker/tail/tail-object.ts'
const SOCKET = 'worker/tail/object-socket.ts'
const VARIABLES = 'worker/tail/settings.ts'
const DEPLOYMENT = 'worker/deployment.ts'
const ASKS_OBJECT_TESTS = 'worker/tail/durable-tail.test.ts'
const OBJECT_TESTS = 'worker/tail/tail-object.test.ts'
const SOCKET_TESTS = 'worker/tail/object-socket.test.ts'
const VARIABLES_TESTS = 'worker/tail/settings.test.ts'
const UNSEEN = 'the simulator has no Workers and no Durable Objects'

export const tailObjectMutants: readonly Mutant[] = [
  {
    id: 'stub-kept',
    what: 'An isolate asks its Durable Object by the stub of its first request.',
    file: ASKS_OBJECT,
    from: 'const stub = namespace.getByName(',
    to: 'const stub = kept ??= namespace.getByName(',
    also: [
      {
        file: ASKS_OBJECT,
        from: 'let shard: number | undefined',
        to: 'let shard: number | undefined, kept: TailStub | undefined',
      },
    ],
    breaks: [],
    hint: [ASKS_OBJECT_TESTS],
    unseen: UNSEEN,
  },
  {
    id: 'shard-redrawn',
    what: 'An isolate asks another Durable Object each time: each of them is another life of a clock.',
    file: ASKS_OBJECT,
    from: 'shard ??= Math.floor(',
    to: 'shard = Math.floor(',
    breaks: [],
    hint: [ASKS_OBJECT_TESTS],
    unseen: UNSEEN,
  },
  {
    id: 'region-unnamed',
    what: 'The isolates of all regions ask one Durable Object, where the first of them was.',
    file: ASKS_OBJECT,
    from: 'const name = `${topic}:${locationHint ?? ANYWHERE}:${shard}`',
    to: 'const name = `${topic}:${ANYWHERE}:${shard}`',
    breaks: [],
    hint: [ASKS_OBJECT_TESTS],
    unseen: UNSEEN,
  },
  {
    id: 'region-moves',
    what: 'An isolate asks the Durable Object of the region of each client in turn.',
    file: DEPLOYMENT,
    from: 'region ??= regionOf(',
    to: 'region = regionOf(',
    breaks: [],
    hint: [VARIABLES_TESTS],
    unseen: UNSEEN,
  },
  {
    id: 'lineage-unkept',
    what: 'A Durable Object keeps the lineage of a log without identity in memory alone.',
    file: OBJECT,
    from: 'put: async (key, value) => storage.put(key, value),',
    to: 'put: async (key, value) => void [storage, key, value],',
    breaks: [],
    hint: [OBJECT_TESTS],
    unseen: UNSEEN,
  },
  {
    id: 'store-unsigned',
    what: 'The worker takes a store of proofs without a secret, and uses none.',
    file: VARIABLES,
    from: 'if ((TAIL_STORE === undefined) !== (secret === undefined))',
    to: 'if (TAIL_STORE === undefined && secret !== undefined)',
    breaks: [],
    hint: [VARIABLES_TESTS],
    unseen: UNSEEN,
  },
  {
    id: 'proxy-for-a-tail',
    what: 'The worker asks a REST proxy for proofs, which it does not have.',
    file: VARIABLES,
    from: "if (kafka.flavor !== 'gateway') return { fault: '`TAIL` gateway",
    to: "if (kafka.flavor === 'upstash') return { fault: '`TAIL` gateway",
    breaks: [],
    hint: [VARIABLES_TESTS],
    unseen: UNSEEN,
  },
  {
    id: 'object-socket-held',
    what: 'A Durable Object that no isolate asks holds its socket, and stays in memory, as long as a process does.',
    file: SOCKET,
    from: 'updates: [], lingerMs: LINGER_MS }',
    to: 'updates: [] }',
    breaks: [],
    hint: [SOCKET_TESTS],
    unseen: UNSEEN,
  },
  {
    id: 'object-socket-leaked',
    what: 'A Durable Object leaves a socket open that came after its deadline.',
    file: SOCKET,
    from: 'webSocket.close(NORMAL)',
    to: 'void NORMAL',
    breaks: ['I9'],
    hint: [SOCKET_TESTS],
    unseen: UNSEEN,
  },
  {
    id: 'object-socket-led-away',
    what: 'A Durable Object follows a redirect of the gateway, and carries its credentials there.',
    file: SOCKET,
    from: "redirect: 'manual',",
    to: "redirect: 'follow',",
    breaks: [],
    hint: [SOCKET_TESTS],
    unseen: UNSEEN,
  },
  {
    id: 'begun-anew-is-another',
    what: 'A tail that has just begun takes the log of a client for another one, where its first question is for records.',
    file: 'adapters/sharing/tail/state.ts',
    from: 'if (place.logId === undefined) await this.#sample(place, 0, arrived)',
    to: '',
    breaks: [],
    hint: ['adapters/sharing/tail/state.test.ts'],
    unseen: 'isolates then begin anew: they drop what they hold, and serve nothing stale',
  },
]
