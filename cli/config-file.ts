/**
 * The configuration file: `kedge.config.json` in the working folder, or the one that `--config` names.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import * as z from 'zod'
import { didYouMean } from './did-you-mean.ts'
import { UsageError } from './failure.ts'
import { jsonFault } from './json-fault.ts'
import type { Session } from './session.ts'
import type { AnySetting } from './setting.ts'
import { ALL_SETTINGS } from './settings.ts'
import { plain } from './terminal.ts'

const NAME = 'kedge.config.json'
const MAX_BYTES = 1_000_000

export interface ConfigFile {
  /** The name of the file, for messages. */
  readonly name: string
  readonly secrets: readonly string[]
  /** The value at a path such as `gateway.port`, or `undefined`. */
  value(path: string): unknown
}

/**
 * Reads the file that `--config` or `KEDGE_CONFIG` names, or the one in the working folder if there is one.
 *
 * @param onRead called with what the file holds before that is checked
 * @throws UsageError when a named file is missing, or a file is not JSON or has unknown keys.
 */
export async function readConfigFile(
  named: string | undefined,
  session: Session,
  onRead: (value: ConfigFile['value']) => void = () => {},
): Promise<ConfigFile> {
  const asked = named ?? (session.env.KEDGE_CONFIG || undefined)
  const name = asked === undefined ? NAME : basename(asked)
  const text = await contents(resolve(session.folder, asked ?? NAME), asked)
  if (text === undefined) return { name, secrets: [], value: () => undefined }
  const found = parse(text, name)
  const value = (path: string) => valueAt(found, path)
  onRead(value)
  const result = SHAPE.safeParse(found)
  if (!result.success) throw new UsageError(`${name}: ${problem(result.error)}`)
  const secrets = ALL_SETTINGS.filter(({ secret, quiet }) => secret || quiet)
    .flatMap(({ path }) => value(path))
    .filter((secret) => typeof secret === 'string')
  return { name, secrets, value }
}

async function contents(path: string, asked: string | undefined): Promise<string | undefined> {
  try {
    const bytes = await readFile(path)
    if (bytes.length > MAX_BYTES) throw new UsageError(`${basename(path)} is larger than ${MAX_BYTES} bytes`)
    return bytes.toString('utf8')
  } catch (error) {
    if (error instanceof UsageError) throw error
    const missing = (error as { code?: unknown }).code === 'ENOENT'
    if (missing && asked === undefined) return undefined
    throw new UsageError(
      missing ? `there is no file ${plain(asked!)}` : `${plain(asked ?? NAME)} cannot be read`,
      { cause: error },
    )
  }
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const { line, column } = jsonFault(text)
    throw new UsageError(`${name}:${line}:${column}: it is not JSON from here on`, { cause })
  }
}

function problem(error: z.ZodError): string {
  const issue = error.issues[0]!
  const place = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') return unknownKey([...issue.path, issue.keys[0]].join('.'))
  return place === '' ? 'it must be an object' : `${place} ${issue.message}`
}

function unknownKey(path: string): string {
  const known = ALL_SETTINGS.map((each) => each.path)
  return `${plain(path)} is not a setting${didYouMean(path, known)}`
}

/** Every setting at its path; nothing else. `valuesOf` checks the values again, together with the others. */
const SHAPE: z.ZodType = shapeOf(ALL_SETTINGS)

function shapeOf(settings: readonly AnySetting[]): z.ZodType {
  const flat: Record<string, z.ZodType> = { $schema: z.string().optional() }
  const nested = new Map<string, Record<string, z.ZodType>>()
  for (const { path, shape } of settings) {
    const [section, name] = path.split('.') as [string, string | undefined]
    if (name === undefined) flat[section] = shape.optional()
    else nested.set(section, { ...nested.get(section), [name]: shape.optional() })
  }
  for (const [section, shapes] of nested)
    flat[section] = z.strictObject(shapes, { error: 'must be an object' }).optional()
  return z.strictObject(flat)
}

function valueAt(root: unknown, path: string): unknown {
  let at: unknown = root
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at
}
