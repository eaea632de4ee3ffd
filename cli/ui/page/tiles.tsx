/** Figures side by side. @module */

export interface Tile {
  readonly name: string
  readonly value: string
  /** What it counts, in a few words. */
  readonly note: string
  readonly isBad?: boolean
}

export const Tiles = ({ tiles }: { readonly tiles: readonly Tile[] }) => (
  <dl class="tiles">
    {tiles.map(({ name, value, note, isBad = false }) => (
      <div key={name} class={isBad ? 'tile bad' : 'tile'}>
        <dt>{name}</dt>
        <dd class="value">{value}</dd>
        <dd class="note">{note}</dd>
      </div>
    ))}
  </dl>
)
