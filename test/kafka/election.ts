/** What the nodes of a cluster have written down of the elections of their controller. @module */
import { readFile } from 'node:fs/promises'

/** A node's `quorum-state`. */
export interface Vote {
  /** -1 while the node knows of no leader: an election is under way. */
  readonly leaderId: number
  readonly leaderEpoch: number
}

/** `undefined` for a node that has not written it yet. */
export async function voteIn(file: string): Promise<Vote | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Vote
  } catch {
    return undefined
  }
}

/**
 * The controller that a majority of the nodes follows, or `undefined` while there is none: a node that is dead or
 * frozen still names the one before, and a candidate names none.
 */
export function electedOf(votes: readonly (Vote | undefined)[]): number | undefined {
  const known = votes.filter((vote) => vote !== undefined)
  const epoch = Math.max(...known.map((vote) => vote.leaderEpoch))
  const newest = known.filter((vote) => vote.leaderEpoch === epoch)
  const [first] = newest
  if (first === undefined || first.leaderId < 0 || 2 * newest.length <= votes.length) return undefined
  return newest.every((vote) => vote.leaderId === first.leaderId) ? first.leaderId : undefined
}
