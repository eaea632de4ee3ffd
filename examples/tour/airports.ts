/**
 * The origin's database: SQLite, filled from the data set that lies beside this file.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'

const text = z.string().min(1).max(200)

/** One row, as the origin shows it. */
export const Airport = z.strictObject({
  code: z.string().regex(/^[A-Z0-9]{3}$/),
  name: text,
  /** Empty where the data set names none. */
  city: z.string().max(200),
  country: z.string().regex(/^[A-Z]{2}$/),
  continent: z.enum(['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA']),
  lat: z.number().min(-90).max(90),
  lon: z.number().min(-180).max(180),
  /** Feet above sea level. */
  elevation_ft: z.number().int().min(-2000).max(20_000).nullable(),
})
export type Airport = z.infer<typeof Airport>

/**
 * What a change of a row may name: any of its columns. Its code may be among them, so that a row can be sent back
 * as it was read, but it is the key, and stays.
 */
export const AirportChange = Airport.partial().refine((change) => Object.keys(change).length > 0, {
  error: 'nothing to change',
})
export type AirportChange = z.infer<typeof AirportChange>

const dataSet = new URL('./data/airports.tsv', import.meta.url)

/** Rows of a table whose first line names the columns. The data set has neither quotes nor escapes. */
function* rowsOf(table: string): Generator<Airport> {
  const [header = '', ...lines] = table.trimEnd().split('\n')
  const columns = header.split('\t')
  for (const line of lines) {
    const cells = line.split('\t')
    const row = Object.fromEntries(columns.map((column, at) => [column, cells[at] ?? '']))
    const elevation = row['elevation_ft'] === '' ? null : Number(row['elevation_ft'])
    yield Airport.parse({ ...row, lat: Number(row['lat']), lon: Number(row['lon']), elevation_ft: elevation })
  }
}

/** The airports in a database of their own, gone when it is closed. */
export class Airports {
  readonly #database = new DatabaseSync(':memory:')
  readonly #select
  readonly #update

  /** Reads the whole data set, about 4,500 rows. Throws when a row of it is not an airport. */
  constructor(table: string = readFileSync(dataSet, 'utf8')) {
    this.#database.exec(`create table airports (
      code text primary key, name text not null, city text not null, country text not null,
      continent text not null, lat real not null, lon real not null, elevation_ft integer
    ) strict, without rowid`)
    const insert = this.#database.prepare(
      'insert into airports values (:code, :name, :city, :country, :continent, :lat, :lon, :elevation_ft)',
    )
    this.#database.exec('begin')
    for (const airport of rowsOf(table)) insert.run(airport)
    this.#database.exec('commit')
    this.#select = this.#database.prepare('select * from airports where code = ?')
    // A column that is left out keeps what it has; only `elevation_ft` may be set to null, by its flag.
    this.#update = this.#database.prepare(`update airports set
      name = coalesce(:name, name), city = coalesce(:city, city), country = coalesce(:country, country),
      continent = coalesce(:continent, continent), lat = coalesce(:lat, lat), lon = coalesce(:lon, lon),
      elevation_ft = iif(:elevation_given, :elevation_ft, elevation_ft)
      where code = :code`)
  }

  get size(): number {
    return Number(this.#database.prepare('select count(*) as n from airports').get()?.['n'])
  }

  find(code: string): Airport | undefined {
    const row = this.#select.get(code)
    return row === undefined ? undefined : Airport.parse({ ...row })
  }

  /** Changes the columns that are given, but never the code. `false` when there is no such airport. */
  change(code: string, change: AirportChange): boolean {
    const { name, city, country, continent, lat, lon, elevation_ft: elevation } = change
    const { changes } = this.#update.run({
      code,
      name: name ?? null,
      city: city ?? null,
      country: country ?? null,
      continent: continent ?? null,
      lat: lat ?? null,
      lon: lon ?? null,
      elevation_ft: elevation ?? null,
      elevation_given: elevation === undefined ? 0 : 1,
    })
    return Number(changes) > 0
  }

  close(): void {
    this.#database.close()
  }
}
