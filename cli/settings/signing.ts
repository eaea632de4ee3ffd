/** Settings: the keys that sign messages, and what is required of those that are read. @module */
import type { SignMode } from '../../src/signing/index.ts'
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { choice, text } from '../value-types.ts'

type Optional<T> = Setting<T | undefined>

const mode = (path: string, flag: string, says: string, otherwiseSays: string): Optional<SignMode> =>
  setting<SignMode | undefined>(path, {
    flag,
    shape: choice('off', 'warn', 'require'),
    says,
    otherwise: undefined,
    otherwiseSays,
  })

export const sign: Optional<SignMode> = mode(
  'sign',
  '--sign <mode>',
  'sign messages, and warn of or require signatures: off, warn or require',
  'warn where there are keys',
)
export const signEvictions: Optional<SignMode> = mode(
  'signEvictions',
  '--sign-evictions <mode>',
  'the same for the evictions topic alone',
  'as --sign',
)
export const signKeys: Optional<string> = setting<string | undefined>('signKeys', {
  flag: '--sign-keys <secret>',
  shape: text,
  says: 'keys that sign, as id:base64,id:base64; the first one signs',
  otherwise: undefined,
  secret: true,
})

export const SIGNING_SETTINGS: readonly AnySetting[] = [sign, signEvictions, signKeys]
