/**
 * What a platform gives to the code that runs on it, while a simulation runs: timers, clocks, randomness, the network
 * and compression, each of which asks in which isolate and for which request it is used. What runs beside the
 * simulation in this process has the real ones.
 *
 * @module
 */
import { createHmac } from 'node:crypto'
import { LightController, LightSignal } from './abort.ts'
import { blobOf, gzipped, inflated } from './compression.ts'
import type { Life } from './life.ts'
import { EPOCH, type Happening, type Place, places } from './universe.ts'

export type Transport = (place: Place, url: string, init: RequestInit) => Promise<Response>

class Timer {
  readonly happening: Happening | undefined
  stopped = false

  constructor(happening: Happening | undefined) {
    this.happening = happening
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }
}

const never = (): Promise<never> => new Promise<never>(() => undefined)

/** Replaces them, and returns what puts them back. */
export function virtual(transport: Transport): () => void {
  const real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    setImmediate: globalThis.setImmediate,
    Date: globalThis.Date,
    fetch: globalThis.fetch,
    AbortController: globalThis.AbortController,
    AbortSignal: globalThis.AbortSignal,
    Blob: globalThis.Blob,
    CompressionStream: globalThis.CompressionStream,
    DecompressionStream: globalThis.DecompressionStream,
  }
  const realNow = performance.now.bind(performance)
  const realRandom = Math.random
  // No trace shows where an error was made, and a stack costs more than the error.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const realUuid = crypto.randomUUID.bind(crypto)

  const now = (): number | undefined => {
    const place = places.getStore()
    if (place === undefined) return undefined
    return place.life ? place.life.now() : EPOCH + Math.floor(place.universe.now)
  }
  const random = (): number => {
    const place = places.getStore()
    if (place === undefined) return realRandom()
    return drawOf(place)()
  }
  class VirtualDate extends real.Date {
    constructor(...args: readonly unknown[]) {
      super(...((args.length === 0 ? [VirtualDate.now()] : args) as [number]))
    }

    static override now(): number {
      return now() ?? real.Date.now()
    }

    static override [Symbol.hasInstance](value: unknown): boolean {
      return (
        typeof value === 'object' &&
        value !== null &&
        Object.prototype.toString.call(value) === '[object Date]'
      )
    }
  }
  const start =
    (repeats: boolean) =>
    (task: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): unknown => {
      const place = places.getStore()
      if (place === undefined) return (repeats ? real.setInterval : real.setTimeout)(task, ms, ...args)
      if (place.life && !place.life.step()) return new Timer(undefined)
      const least = place.life?.isolatesRequests ? 0 : 1
      return wait(place, ms >= least && ms <= 2 ** 31 - 1 ? ms : least, () => task(...args), repeats)
    }
  const stop = (realStop: (timer?: number) => void) => (timer?: unknown) => {
    if (!(timer instanceof Timer)) return realStop(timer as number)
    timer.stopped = true
    if (timer.happening) timer.happening.run = undefined
  }
  Object.assign(globalThis, {
    setTimeout: start(false),
    setInterval: start(true),
    clearTimeout: stop(real.clearTimeout),
    clearInterval: stop(real.clearInterval),
    // The turn of an event loop ends when all has run that is due in the isolate by now.
    setImmediate: (task: () => void): unknown => {
      const place = places.getStore()
      if (place?.life === undefined) return real.setImmediate(task)
      const { universe, life } = place
      return new Timer(life.alive ? universe.at(universe.now, life.place, task) : undefined)
    },
    Date: VirtualDate,
    fetch: (input: string | URL | Request, init?: RequestInit) => {
      const place = places.getStore()
      if (place === undefined) return real.fetch(input, init)
      if (place.life && !place.life.step()) return never()
      return transport(place, input instanceof Request ? input.url : String(input), init ?? {})
    },
    AbortController: new Proxy(real.AbortController, {
      construct: (target) => (places.getStore()?.life === undefined ? new target() : new LightController()),
    }),
    // The product refuses an option that is no signal.
    AbortSignal: new Proxy(real.AbortSignal, {
      get: (target, name) =>
        name === Symbol.hasInstance
          ? (value: unknown) => value instanceof LightSignal || value instanceof target
          : (Reflect.get(target, name) as unknown),
    }),
    Blob: new Proxy(real.Blob, {
      construct: (target, args: [BlobPart[]?, BlobPropertyBag?]) =>
        places.getStore() === undefined ? new target(...args) : blobOf(args[0] as Uint8Array[]),
    }),
    CompressionStream: new Proxy(real.CompressionStream, {
      construct: (target, args: ['gzip']) =>
        places.getStore() === undefined ? new target(...args) : gzipped,
    }),
    DecompressionStream: new Proxy(real.DecompressionStream, {
      construct: (target, args: ['gzip']) =>
        places.getStore() === undefined ? new target(...args) : inflated,
    }),
  })
  Math.random = random
  const realKeys = keysOfThisProcess()
  Object.defineProperty(performance, 'now', {
    configurable: true,
    value: () => {
      const place = places.getStore()
      if (place === undefined) return realNow()
      return place.life ? place.life.performance() : place.universe.now
    },
  })
  Object.defineProperty(crypto, 'randomUUID', {
    configurable: true,
    value: () => {
      const place = places.getStore()
      if (place === undefined) return realUuid()
      const draw = drawOf(place)
      return 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replaceAll('x', () =>
        Math.floor(draw() * 16).toString(16),
      )
    },
  })
  return () => {
    Object.assign(globalThis, real)
    Math.random = realRandom
    Error.stackTraceLimit = stackTraceLimit
    Reflect.deleteProperty(performance, 'now')
    Reflect.deleteProperty(crypto, 'randomUUID')
    realKeys()
  }
}

/** Signatures are made at once: the platform makes them in another thread, which takes real time. */
function keysOfThisProcess(): () => void {
  const { subtle } = crypto
  const hmac = (key: unknown, bytes: Uint8Array) =>
    createHmac('sha256', (key as { raw: Uint8Array }).raw)
      .update(bytes)
      .digest()
  const here = {
    importKey: async (_: 'raw', raw: Uint8Array) => ({ raw }),
    sign: async (_: 'HMAC', key: unknown, bytes: Uint8Array) => hmac(key, bytes),
    verify: async (_: 'HMAC', key: unknown, given: Uint8Array, bytes: Uint8Array) =>
      hmac(key, bytes).equals(given),
  }
  for (const [name, call] of Object.entries(here)) {
    const real = (subtle as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>)[name]!
    const value = (...args: unknown[]): unknown =>
      places.getStore() === undefined
        ? real.apply(subtle, args)
        : (call as (...args: unknown[]) => unknown)(...args)
    Object.defineProperty(subtle, name, { configurable: true, value })
  }
  return () => {
    for (const name of Object.keys(here)) Reflect.deleteProperty(subtle, name)
  }
}

function wait(place: Place, ms: number, task: () => void, repeats: boolean): Timer {
  const { universe } = place
  const again = (): void => {
    if (timer.stopped) return
    task()
    if (repeats) universe.at(universe.now + ms, place, again)
  }
  const timer = new Timer(universe.at(universe.now + ms, place, again))
  return timer
}

function drawOf({ life, universe }: Place): () => number {
  if (life === undefined) return universe.random
  return drawn(life)
}

const drawn = (life: Life) => () => {
  life.step()
  return life.random()
}
