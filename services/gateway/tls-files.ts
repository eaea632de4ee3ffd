/** The certificate of a server, from files that another program may replace at any time. @module */
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'

export interface TlsOptions {
  /** The path of the certificate, PEM, with those between it and the authority. */
  readonly cert: string
  /** The path of its private key, PEM. */
  readonly key: string
  /** The path of the authorities, PEM, whose clients may connect: a client without a certificate of theirs may not. */
  readonly clientCa?: string
  /** How often the files are read again, in milliseconds. @default 10_000 */
  readonly reloadMs?: number
}

/** The texts of the files. */
export interface TlsTexts {
  readonly cert: string
  readonly key: string
  readonly ca?: string
}

const NAMES: ReadonlySet<string> = new Set<keyof TlsOptions>(['cert', 'key', 'clientCa', 'reloadMs'])
const RELOAD_MS = 10_000
/** What a timer of Node can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1

export class TlsFiles {
  readonly #options: TlsOptions
  readonly #onError: (error: unknown) => void
  #seen: TlsTexts
  #timer: NodeJS.Timeout | undefined
  #reading = false

  private constructor(options: TlsOptions, texts: TlsTexts, onError: (error: unknown) => void) {
    this.#options = options
    this.#onError = onError
    this.#seen = texts
  }

  /** @throws TypeError for files that cannot be read, or are not a certificate and its key. It quotes no key. */
  static async read(options: TlsOptions, onError: (error: unknown) => void): Promise<TlsFiles> {
    for (const name of Object.keys(options))
      if (!NAMES.has(name)) throw new TypeError(`\`tls.${name}\` is not an option`)
    const { reloadMs = RELOAD_MS } = options
    if (!Number.isSafeInteger(reloadMs) || reloadMs < 1 || reloadMs > MAX_TIMER_MS)
      throw new TypeError('`tls.reloadMs` must be a whole number of milliseconds of at least 1')
    return new TlsFiles(options, await textsOf(options), onError)
  }

  get texts(): TlsTexts {
    return this.#seen
  }

  /**
   * Calls `use` with the texts of files that have changed. Files that do not fit each other are read again: a program
   * that renews them writes one after the other. It tells `onError` once of each such pair.
   */
  watch(use: (texts: TlsTexts) => void): void {
    let told: TlsTexts | undefined
    const look = async () => {
      if (this.#reading) return
      this.#reading = true
      try {
        const texts = await textsOf(this.#options)
        if (isSame(texts, this.#seen)) return
        use(texts)
        this.#seen = texts
        told = undefined
      } catch (error) {
        if (told !== this.#seen) this.#onError(error)
        told = this.#seen
      } finally {
        this.#reading = false
      }
    }
    this.close()
    this.#timer = setInterval(() => void look(), this.#options.reloadMs ?? RELOAD_MS).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

async function textsOf({ cert, key, clientCa }: TlsOptions): Promise<TlsTexts> {
  const texts = {
    cert: await pem('cert', cert),
    key: await pem('key', key),
    ...(clientCa !== undefined && { ca: await pem('clientCa', clientCa) }),
  }
  try {
    createSecureContext(texts)
  } catch (cause) {
    throw new TypeError('`tls`: the certificate, the key and the authorities do not fit each other', {
      cause,
    })
  }
  return texts
}

async function pem(option: string, path: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new TypeError(`\`tls.${option}\`: the file ${path} cannot be read`, { cause })
  }
  if (text.includes('-----BEGIN ')) return text
  throw new TypeError(`\`tls.${option}\`: ${path} is not a PEM file`)
}

const isSame = (one: TlsTexts, other: TlsTexts): boolean =>
  one.cert === other.cert && one.key === other.key && one.ca === other.ca
