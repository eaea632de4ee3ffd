/**
 * Private words: names that a reader would have to learn here first, where Kafka, Caffeine, HTTP or plain English has
 * one (decision 107). Each was renamed once, and must not come back.
 *
 * @module
 */

/** The folders whose names are read by those who use the code: tests and examples tell stories of their own. */
const FOLDERS = /^(?:src|adapters|services|worker|cli)\//

/** A word, and the name to use instead. */
const PRIVATE: Readonly<Record<string, string>> = {
  alien: 'what it is: not data, foreign',
  appender: 'producer',
  carriage: 'transport',
  companion: 'version item',
  conversation: 'pipelined call',
  demand: 'load request',
  deps: 'options',
  doom: 'invalidate',
  ear: 'subscription',
  flown: 'requested load',
  ground: 'context',
  harvest: 'what was read',
  helpers: 'one idea a file: name it',
  intake: 'consumer',
  judgement: 'check, verdict',
  keyspace: 'store, namespace',
  landed: 'load result, acknowledged write',
  lane: 'partition producer',
  lifespan: 'lifecycle',
  manager: 'what it does',
  meant: 'affected keys',
  patience: 'retry, timeout',
  recall: 'look back',
  sounded: 'searched',
  sounding: 'offset search',
  standing: 'position bounds',
  stretch: 'range, run of records',
  surroundings: 'context',
  tenant: 'eviction target',
  timeline: 'clock',
  translator: 'mapper',
  understanding: 'decoder',
  unplaced: 'without offsets',
  utils: 'one idea a file: name it',
  vantage: 'log position',
  witnesses: 'leader fencing',
}

/** The private words in the name of a file and in the names of what it exports, each with what to write instead. */
export function privateWordsIn(path: string, source: string): string[] {
  if (!FOLDERS.test(path)) return []
  const names = [
    path.replace(/\.[a-z]+$/, ''),
    ...[
      ...source.matchAll(
        /^export (?:declare )?(?:abstract )?(?:async )?(?:class|interface|type|function|const) (\w+)/gm,
      ),
    ].map(([, name]) => name!),
  ]
  return names.flatMap((name) =>
    wordsOf(name)
      .filter((word) => Object.hasOwn(PRIVATE, word))
      .map((word) => `${name}: "${word}": ${PRIVATE[word]}`),
  )
}

/** `LateFillOptions`, `late-fill.ts` and `LATE_FILL` all have the words late and fill. */
const wordsOf = (name: string): string[] =>
  name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
