/** What the live page of every command takes from its process. @module */
import { sentence } from '../failure.ts'
import type { Session } from '../session.ts'
import type { FeedOptions } from './live-feed.ts'

export interface PageOptions extends FeedOptions {
  /** An error as a sentence for a viewer: short, and without secrets. */
  readonly sentence: (error: unknown) => string
}

/** @param name `kedge` and the name of the command */
export const pageOptionsOf = ({ version, runtime, terminal }: Session, name: string): PageOptions => ({
  version,
  runtime,
  onError: (error) => terminal.warn(`${name}: unexpected error: ${sentence(error)}`),
  sentence: (error) => terminal.redact(sentence(error)),
})
