/** The terminal of this process, where it has one for both its keyboard and its screen. @module */
import process from 'node:process'
import type { Screen } from './screen.ts'

/** `undefined` where input or output is a pipe or a file, and where the terminal cannot be drawn on. */
export function nodeScreen(): Screen | undefined {
  const { stdin, stdout, env } = process
  if (!stdin.isTTY || !stdout.isTTY || env['TERM'] === 'dumb') return undefined
  return {
    write: (text) => void stdout.write(text),
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    keys: (listener) => {
      const onData = (text: string) => listener(text)
      const onEnd = () => listener(undefined)
      stdin.setRawMode(true).setEncoding('utf8').resume()
      stdin.on('data', onData).on('end', onEnd).on('error', onEnd)
      return () => {
        stdin.off('data', onData).off('end', onEnd).off('error', onEnd)
        stdin.setRawMode(false).pause()
      }
    },
    onResize: (listener) => {
      stdout.on('resize', listener)
      return () => void stdout.off('resize', listener)
    },
    onExit: (listener) => {
      process.on('exit', listener)
      return () => void process.off('exit', listener)
    },
  }
}
