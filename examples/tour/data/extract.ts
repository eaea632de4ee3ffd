/**
 * Makes `airports.tsv` out of OurAirports' `airports.csv` (plain or gzipped):
 *
 *     node examples/tour/data/extract.ts airports.csv.gz > examples/tour/data/airports.tsv
 *
 * Kept so that the file can be made again from newer data. The demo does not run it.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const COLUMNS = [
  'iata_code',
  'name',
  'municipality',
  'iso_country',
  'continent',
  'latitude_deg',
  'longitude_deg',
  'elevation_ft',
] as const
const KINDS = new Set(['large_airport', 'medium_airport'])

/** Rows of a CSV text as RFC 4180 has it: quoted fields may hold commas, doubled quotes and line breaks. */
function* rowsOf(csv: string): Generator<string[]> {
  let row: string[] = []
  for (const [, quoted, plain = '', end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end === ',') continue
    if (row.length > 1) yield row
    row = []
  }
}

/** Four decimals are 11 metres, which is enough for where an airport is. */
function cell(column: string, text: string): string {
  if (column.endsWith('_deg')) return String(Number(Number(text).toFixed(4)))
  return text.replaceAll(/\s+/g, ' ').trim()
}

const file = readFileSync(process.argv[2] ?? '/dev/stdin')
const csv = (file[0] === 0x1f ? gunzipSync(file) : file).toString('utf8')
const [header = [], ...rows] = rowsOf(csv)
const airports = new Map<string, string>()
for (const row of rows) {
  const field = (name: string): string => row[header.indexOf(name)] ?? ''
  const code = field('iata_code')
  if (!KINDS.has(field('type')) || !/^[A-Z0-9]{3}$/.test(code)) continue
  if (field('iso_country') === '' || airports.has(code)) continue
  airports.set(code, COLUMNS.map((column) => cell(column, field(column))).join('\t'))
}
const lines = [...airports].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line)
process.stdout.write(`code\tname\tcity\tcountry\tcontinent\tlat\tlon\televation_ft\n${lines.join('\n')}\n`)
