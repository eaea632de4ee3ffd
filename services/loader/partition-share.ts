/** Which partitions of the requests topic a service reads, so that several divide them among themselves. @module */

export interface PartitionShare {
  /** The partitions among all that this service reads. */
  of(all: readonly number[]): number[]
}

/**
 * The share that a text such as `'2/3'` names: of every three partitions the second.
 * @throws TypeError when it names none.
 */
export function parsePartitionShare(text = '1/1'): PartitionShare {
  const [, which, of] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []
  const [part, parts] = [Number(which), Number(of)]
  if (!(part >= 1 && part <= parts))
    throw new TypeError("`share` must be a part of all such as '1/3', '2/3' or '3/3'")
  return { of: (all) => all.filter((id) => id % parts === part - 1) }
}
