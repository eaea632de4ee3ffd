/** Lua in Redis: what must happen in one step. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { type RedisArgument, type RedisConnection, RedisFailure, type RedisReply } from './connection.ts'
import { serverError } from './failure.ts'
import { sizeOf } from './in-flight-limit.ts'

/** Commands in one pipeline. */
const MAX_COMMANDS = 1000

export interface ScriptCall {
  /** The first one decides which node of a cluster runs it; all are of one slot. */
  readonly keys: readonly string[]
  /** A function makes them when they are sent: a call may wait for others before it. */
  readonly args: readonly RedisArgument[] | (() => readonly RedisArgument[])
}

/** A script: sent by its hash, and once in full to a server that does not know it. */
export class LuaScript {
  readonly #text: string
  #sha: string | undefined

  constructor(text: string) {
    this.#text = text
  }

  /**
   * Runs the calls, many in one round trip; those of one slot in their order. A call that failed has a
   * {@link RedisFailure} in its place.
   *
   * @throws KedgeError, `signal.reason`
   */
  async run(
    connection: RedisConnection,
    calls: readonly ScriptCall[],
    signal: AbortSignal,
  ): Promise<readonly RedisReply[]> {
    const sha = await this.#hash()
    const replies: RedisReply[] = []
    for (const window of windows(connection, calls))
      replies.push(...(await this.#send(connection, window, sha, signal)))
    return replies
  }

  /** {@link run}, where no call may fail. @throws KedgeError for the first that did, naming what was tried. */
  async must(
    connection: RedisConnection,
    calls: readonly ScriptCall[],
    signal: AbortSignal,
    doing: string,
  ): Promise<readonly Exclude<RedisReply, RedisFailure>[]> {
    const replies = await this.run(connection, calls, signal)
    return replies.map((reply) => {
      if (reply instanceof RedisFailure) throw serverError(reply.message, doing)
      return reply
    })
  }

  async #send(
    connection: RedisConnection,
    calls: readonly ScriptCall[],
    sha: string,
    signal: AbortSignal,
  ): Promise<readonly RedisReply[]> {
    const known = calls.map((call) => command('EVALSHA', sha, call))
    const replies = [...(await connection.pipeline(known, { signal }))]
    const unknown = calls.flatMap((call, index) => (isUnknown(replies[index]) ? [{ call, index }] : []))
    if (unknown.length === 0) return replies
    const again = unknown.map(({ call }) => command('EVAL', this.#text, call))
    const late = await connection.pipeline(again, { signal })
    for (const [at, { index }] of unknown.entries()) replies[index] = late[at] ?? null
    return replies
  }

  /** Keeps the hash and no promise of it: at the edge, one request must not wait for another's promise. */
  async #hash(): Promise<string> {
    if (this.#sha !== undefined) return this.#sha
    const digest = await crypto.subtle.digest('SHA-1', encodeUtf8(this.#text) as Uint8Array<ArrayBuffer>)
    this.#sha = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
    return this.#sha
  }
}

const argsOf = ({ args }: ScriptCall): readonly RedisArgument[] =>
  typeof args === 'function' ? args() : args

const command = (name: string, script: string, call: ScriptCall) => ({
  key: call.keys[0] ?? '',
  args: [name, script, String(call.keys.length), ...call.keys, ...argsOf(call)],
})

const isUnknown = (reply: RedisReply | undefined): boolean =>
  reply instanceof RedisFailure && reply.message.startsWith('NOSCRIPT')

/** As much at once as is bounded by number and bytes. */
function* windows(
  { maxPipelineBytes }: RedisConnection,
  calls: readonly ScriptCall[],
): Generator<readonly ScriptCall[]> {
  let window: ScriptCall[] = []
  let bytes = 0
  for (const call of calls) {
    const size = sizeOf({ key: '', args: [...call.keys, ...argsOf(call)] }) + 64
    if (window.length > 0 && (window.length >= MAX_COMMANDS || bytes + size > maxPipelineBytes)) {
      yield window
      window = []
      bytes = 0
    }
    window.push(call)
    bytes += size
  }
  if (window.length > 0) yield window
}

/**
 * Bytes as arguments of a script: a flag and the argument itself. Where a connection carries only text, bytes
 * that are not UTF-8 go as the characters U+0000 to U+00FF, and {@link BYTES} makes bytes of them again.
 */
export function bytesArgument(
  connection: RedisConnection,
  bytes: Uint8Array,
): [flag: string, value: RedisArgument] {
  if (connection.binary) return ['=', bytes]
  try {
    return ['=', new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)]
  } catch {
    let text = ''
    for (let at = 0; at < bytes.length; at += 0x8000) {
      text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
    }
    return ['l', text]
  }
}

/** Lua: `bytes(flag, value)`, the other end of {@link bytesArgument}. */
export const BYTES: string = String.raw`
local function bytes(flag, value)
  if flag ~= 'l' then return value end
  return (string.gsub(value, '([\194\195])(.)', function(lead, rest)
    if lead == '\194' then return rest end
    return string.char(string.byte(rest) + 64)
  end))
end
`
