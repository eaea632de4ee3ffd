/** What the live page of every command takes from its process. @module */
import { fault, sentence } from '../failure.ts'
import type { Session } from '../session.ts'
import type { FeedOptions } from './live-feed.ts'

export interface PageOptions extends FeedOptions {
  /** An error as a sentence for a viewer: short, without secrets, and without addresses of the network. */
  readonly sentence: (error: unknown) => string
}

/** @param name `kedge` and the name of the command */
export const pageOptionsOf = ({ version, runtime, terminal }: Session, name: string): PageOptions => ({
  version,
  runtime,
  onError: (error) => terminal.warn(`${name}: unexpected error: ${sentence(error)}`),
  sentence: (error) => withoutAddresses(terminal.redact(fault(error))),
})

const URLS = /\b[a-z][a-z0-9+.-]*:\/\/[^\s,;()"']+/gi
/** A name or an address, and a port. */
const HOSTS = /(?:\[[\da-f:]+\]|\b[\w.-]+):\d{2,5}\b/gi

/** Who may read a cache need not know where its log is. */
export const withoutAddresses = (text: string): string => text.replace(URLS, 'it').replace(HOSTS, 'it')
