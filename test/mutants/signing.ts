/**
 * Mutants of signed messages: what a signature covers, and what is done without one.
 *
 * @module
 */
import type { Mutant } from './mutant.ts'

const SIGNATURES = 'src/signing/signatures.ts'
const KEYRING = 'src/signing/keyring.ts'
const hint = ['src/signing/signed.test.ts']
const unseen = 'No simulated fleet signs its messages.'

export const signingMutants: readonly Mutant[] = [
  {
    id: 'signature-not-required',
    what: 'A record without a signature is counted as refused, and used.',
    file: SIGNATURES,
    from: 'if (!isRequired) return record\n',
    to: 'if (record) return record\n',
    breaks: [],
    hint,
    unseen,
  },
  {
    id: 'refused-eviction-evicts',
    what: 'An eviction that is refused counts as one that cannot be read, and evicts everything.',
    file: SIGNATURES,
    from: 'topic === this.#evictions ? nothingOf(record) : REFUSED',
    to: 'REFUSED',
    breaks: [],
    hint,
    unseen,
  },
  {
    id: 'refused-evictions-alike',
    what: 'What stands for refused evictions is alike, so that another log is taken for the same one.',
    file: SIGNATURES,
    from: "op: 'beat', refused: digestOf(record) }",
    to: "op: 'beat', refused: digestOf({ ...record, key: null, value: null }) }",
    breaks: ['I1'],
    hint,
    unseen,
  },
  {
    id: 'signed-topics-unknown',
    what: 'A cache takes a signed log that was not told of its topics: nothing of them is signed, or judged.',
    file: 'src/api/settings.ts',
    from: 'must(signedTopics?.has(name) ?? true,',
    to: 'must(true,',
    breaks: [],
    hint: ['src/signing/services.test.ts'],
    unseen,
  },
  {
    id: 'heartbeat-of-any-kind',
    what: 'Any short message of kedge needs no signature, as heartbeats do not.',
    file: SIGNATURES,
    from: "said['v'] === 1 && said['op'] === 'beat'",
    to: "said['v'] === 1",
    breaks: [],
    hint,
    unseen,
  },
  {
    id: 'signature-of-any-key',
    what: 'A signature counts whose key is not known here.',
    file: KEYRING,
    from: "if (known === undefined) return 'unknown_key'",
    to: 'if (known === undefined) return undefined',
    breaks: [],
    hint,
    unseen,
  },
  {
    id: 'signature-without-topic',
    what: 'A signature does not cover the topic: a message of one is good in another.',
    file: KEYRING,
    from: 'kedge-hmac-1\\n${topic}\\n',
    to: 'kedge-hmac-1\\n',
    breaks: [],
    hint,
    unseen,
  },
  {
    id: 'signature-without-record-key',
    what: 'A signature does not cover the key of the record.',
    file: KEYRING,
    from: 'if (key) all.set(key, head.length)\n',
    to: '',
    breaks: [],
    hint,
    unseen,
  },
  {
    id: 'signature-without-key-length',
    what: 'A signature does not say where the key of the record ends and its message begins.',
    file: KEYRING,
    from: '\\n${at}\\n${keyLength}\\n',
    to: '\\n${at}\\n',
    breaks: [],
    hint,
    unseen,
  },
]
