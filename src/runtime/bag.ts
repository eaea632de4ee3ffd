/**
 * Members in no order, each of which can leave at once. For what comes and goes with every load: there a `Set` costs more.
 *
 * @module
 */

/** What can be in one bag at a time. */
export interface Member {
  /** Where in the bag it is. Only the bag writes it. */
  place: number
}

export class Bag<M extends Member> {
  readonly members: M[] = []

  add(member: M): void {
    member.place = this.members.push(member) - 1
  }

  /** Takes the member out, if it is in. */
  delete(member: M): void {
    const { members } = this
    const { place } = member
    if (members[place] !== member) return
    const last = members.pop()!
    if (last === member) return
    members[place] = last
    last.place = place
  }
}
