/** Settings of what a long-lived command reports, and how. @module */
import type { LogLevel } from '../../adapters/logs/log-events/log-line.ts'
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { choice } from '../value-types.ts'

export type LogFormat = 'text' | 'json'

export const logFormat: Setting<LogFormat> = setting<LogFormat>('logFormat', {
  flag: '--log-format <format>',
  shape: choice('text', 'json'),
  says: 'how it reports what happens: text, or json, one object a line',
  otherwise: 'text',
})
const logLevel: Setting<LogLevel> = setting<LogLevel>('logLevel', {
  flag: '--log-level <level>',
  shape: choice('error', 'warn', 'info', 'debug'),
  says: 'what it reports: error, warn, info or debug, each with those before it',
  otherwise: 'info',
})

/** Of every command that lives long. */
export const LOG_SETTINGS: readonly AnySetting[] = [logFormat, logLevel]
