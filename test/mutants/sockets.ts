/**
 * Mutants of sockets to a tail: in which order a tail sends, what a client takes for a proof, and when either ends a socket.
 *
 * @module
 */
import type { Mutant } from './mutant.ts'

const SESSION = 'adapters/sharing/tail/feed-session.ts'
const FEED = 'adapters/sharing/tail/feed.ts'
const LINK = 'adapters/sharing/tail/socket-link.ts'
const ECHOES = 'adapters/sharing/tail/link-echoes.ts'
const PUSHED = 'adapters/sharing/tail/pushed-log.ts'
const STATE = 'adapters/sharing/tail/state.ts'
const feed = ['adapters/sharing/tail/feed.test.ts']
const client = ['adapters/sharing/tail/socket.test.ts']
const unseen = 'simulated isolates have no sockets'

export const socketMutants: readonly Mutant[] = [
  {
    id: 'beat-before-records',
    what: 'A tail sends a beat before the records that lie below its end.',
    file: SESSION,
    from: 'if (isNews) this.#send(tick.partsFrom(this.next))',
    to: 'if (isNews) void Promise.resolve().then(() => this.#send(tick.partsFrom(this.next)))',
    breaks: ['I1', 'I6', 'I7'],
    hint: feed,
    unseen,
  },
  {
    id: 'socket-gap-jumped',
    what: 'A client goes on behind records that have not come.',
    file: LINK,
    from: 'if (base !== this.window.next) return false',
    to: 'if (base < this.window.next) return false',
    breaks: ['I1', 'I2', 'I6'],
    hint: client,
    unseen,
  },
  {
    id: 'beat-ahead-taken',
    what: 'A beat counts though records below its end have not come.',
    file: LINK,
    from: 'if (beat.end > this.window.next || beat.beginning > this.window.next) return false',
    to: 'if (beat.beginning > this.window.next) return false',
    breaks: ['I1', 'I7'],
    hint: client,
    unseen,
  },
  {
    id: 'beat-of-another-log',
    what: 'A beat of another log counts.',
    file: LINK,
    from: 'if (beat.logId !== (this.logId ??= beat.logId)) return false',
    to: 'this.logId ??= beat.logId',
    breaks: ['I1', 'I2'],
    hint: client,
    unseen,
  },
  {
    id: 'socket-echo-after',
    what: 'The own clock is read after the echo has come.',
    file: ECHOES,
    from: 'this.#clocks.get(clock)?.note(life, mine, theirs)',
    to: 'this.#clocks.get(clock)?.note(life, Math.max(mine, clock.now()), theirs)',
    breaks: ['I1', 'I7'],
    hint: client,
    unseen,
  },
  {
    id: 'socket-echo-of-any',
    what: 'An echo counts for a question that it does not answer.',
    file: ECHOES,
    from: 'if (this.#asked?.question !== question) return',
    to: 'if (this.#asked === undefined || question === -1) return',
    breaks: ['I1', 'I7'],
    hint: ['adapters/sharing/tail/link-echoes.test.ts'],
    unseen,
  },
  {
    id: 'theirs-of-the-sample',
    what: 'A tail echoes what its clock showed at the last sample, not when the question arrived.',
    file: STATE,
    from: 'return last && { life: last.life, theirs: this.#theirs(last, arrived) }',
    to: 'return last && { life: last.life, theirs: this.#theirs(last, Math.min(arrived, last.own)) }',
    breaks: ['I1', 'I7'],
    hint: feed,
    unseen,
  },
  {
    id: 'beat-exact',
    what: 'A beat counts as sampled by the call.',
    file: PUSHED,
    from: 'return { partition, ...boundsOf(beat), ageMs: Math.max(1, ageMs) }',
    to: 'return { partition, ...boundsOf(beat), ageMs: Math.min(0, ageMs) }',
    breaks: ['I1', 'I7', 'I8'],
    hint: client,
    unseen,
  },
  {
    id: 'end-read-by-socket',
    what: 'A read at the end finds nothing, though a record was written since.',
    file: PUSHED,
    from: 'if (offset < window.base || offset >= window.next) return undefined',
    to: 'if (offset < window.base || offset > window.next) return undefined',
    breaks: [],
    hint: client,
    unseen,
  },
  {
    id: 'slow-ignored',
    what: 'A tail keeps all that a client does not take.',
    file: SESSION,
    from: "if (!this.isReading && this.#socket.bufferedAmount > MAX_BUFFERED) return this.end('slow')",
    to: '',
    breaks: ['I9'],
    hint: feed,
    unseen,
  },
  {
    id: 'drain-ignored',
    what: 'A tail reads old records faster than a client takes them.',
    file: SESSION,
    from: 'await this.#calm()',
    to: '',
    breaks: ['I9'],
    hint: feed,
    unseen,
  },
  {
    id: 'socket-replaced-ignored',
    what: 'A tail goes on with the records of another log.',
    file: SESSION,
    from: "if (beat.logId !== this.#logId || beat.end < this.#end) return this.end('replaced')",
    to: '',
    breaks: ['I1', 'I2'],
    hint: feed,
    unseen,
  },
  {
    id: 'socket-truncated-ignored',
    what: 'A tail goes on behind records that retention has taken.',
    file: SESSION,
    from: "if (this.next < beat.beginning) return this.end('truncated')",
    to: 'if (this.next < beat.beginning) this.next = beat.beginning',
    breaks: ['I1', 'I6'],
    hint: feed,
    unseen,
  },
  {
    id: 'silence-ignored',
    what: 'A tail keeps sockets whose clients have gone without a word.',
    file: SESSION,
    from: "if (now - this.#heardAt >= SILENT_MS) return this.close(CLOSE.gone, 'nothing was heard')",
    to: '',
    breaks: ['I9'],
    hint: feed,
    unseen,
  },
  {
    id: 'silent-socket-kept',
    what: 'A client keeps a socket that brings nothing any more.',
    file: LINK,
    from: "else if (this.silentMs > PATIENCE_MS + this.everyMs) ended.abort('silent')",
    to: '',
    breaks: [],
    hint: client,
    unseen,
  },
  {
    id: 'sockets-sample-each',
    what: 'A tail asks the log on while no socket is open.',
    file: FEED,
    from: 'while (this.sessions.size > 0) {',
    to: 'while (this.sessions.size >= 0) {',
    breaks: [],
    hint: feed,
    unseen,
  },
]
