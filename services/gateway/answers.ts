/**
 * The answers that are under way, counted before their text is made and until it has gone out: who reads slowly, or not
 * at all, keeps an answer in the memory of the gateway.
 *
 * @module
 */
import type { ServerResponse } from 'node:http'
import type { Context } from 'hono'
import { clientOf } from './client.ts'
import type { FairBound } from './fair-bound.ts'
import { ALREADY_SENT } from './node-answer.ts'
import { Refusal } from './refusal.ts'

/** What one answer takes of the bound. */
export interface HeldBytes {
  /** @throws Refusal `busy` when all answers together, or those of this client, are too much. */
  add(bytes: number): void
  /** May be called again. */
  readonly release: () => void
}

const outgoingOf = (c: Context): ServerResponse | undefined =>
  (c.env as { readonly outgoing?: ServerResponse } | undefined)?.outgoing

export class Answers {
  readonly #bytes: FairBound
  readonly #counted = new WeakSet<object>()

  constructor(bytes: FairBound) {
    this.#bytes = bytes
  }

  /** An answer that is about to be made. It counts until it is released. */
  open(client: string | undefined): HeldBytes {
    let held = 0
    return {
      add: (bytes) => {
        if (!this.#bytes.take(client, bytes, held)) {
          throw new Refusal('busy', 'The gateway is sending as many bytes as it may: try again later.', {
            retryAfter: 1,
          })
        }
        held += bytes
      },
      release: () => {
        this.#bytes.give(client, held)
        held = 0
      },
    }
  }

  /** Runs `make` with an answer that counts until it has gone out, or its connection is closed. */
  async counted<T>(c: Context, make: (held: HeldBytes) => Promise<T>): Promise<T> {
    const held = this.open(clientOf(c))
    const outgoing = outgoingOf(c)
    try {
      const made = await make(held)
      this.releaseWhenSent(outgoing, held.release)
      return made
    } catch (error) {
      held.release()
      throw error
    }
  }

  /** Calls `release` once the answer has gone out, or its connection is closed. Without a server of Node, at once. */
  releaseWhenSent(outgoing: ServerResponse | undefined, release: () => void): void {
    if (!outgoing || outgoing.destroyed) return release()
    this.#counted.add(outgoing)
    outgoing.once('close', release)
  }

  /**
   * Counts an answer that was made without asking, by what of it the client has not taken: one that is too much ends
   * with its connection.
   */
  watch(c: Context): void {
    const outgoing = outgoingOf(c)
    // What writes to Node's response by itself counts by itself.
    if (!outgoing || outgoing.destroyed || c.res === ALREADY_SENT || this.#counted.has(outgoing)) return
    const client = clientOf(c)
    outgoing.once('prefinish', () => {
      const left = outgoing.writableLength + (outgoing.socket?.writableLength ?? 0)
      if (left === 0) return
      if (!this.#bytes.take(client, left)) outgoing.destroy()
      else outgoing.once('close', () => this.#bytes.give(client, left))
    })
  }
}
