/** The transcript of docs/servers.md, typed as it stands there, shows what it shows there. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { startGateway } from '../../services/gateway/index.ts'
import { blocksOf, pageAt } from './page.ts'
import { ending, listening } from './program.ts'
import { commandsOf } from './shell-command.ts'

const page = pageAt('docs/servers.md')

it('a value is put, read, evicted, and gone', { timeout: 60_000 }, async () => {
  const transcript = blocksOf(page, '').find(({ text }) => text.startsWith('$ curl'))!
  const serve = blocksOf(page, 'sh').find(({ text }) => text.includes('kedge serve'))!
  const [command] = commandsOf(serve)
  const gateway = await startGateway()
  const env = { KEDGE_URL: gateway.url }
  const sidecar = await listening([...command!.words.slice(2), '--port', '0'], env)
  try {
    // The page is read by people, who are slower than its first poll.
    while ((await fetch(`${sidecar.url}/readyz`)).status !== 200);
    const told: string[] = []
    for (const line of transcript.text.split('\n').filter((each) => each.startsWith('$ '))) {
      const [{ words } = { words: [] }] = commandsOf({ page, text: line.slice(2) })
      const told1 =
        words[0] === 'npx'
          ? await ending(words.slice(2), env)
          : (
              await promisify(execFile)('curl', [
                '-sS',
                ...words.slice(1).map((word) => word.replace('localhost:8080', sidecar.url)),
              ])
            ).stdout
      // Of the log is its identity, which is another one each time.
      const shown = told1.trim().replaceAll(/(k1\.0-\d+)~[0-9a-z]+/g, '$1~5vfb7c')
      told.push(line, ...shown.split('\n'))
    }
    expect(told.join('\n')).toBe(transcript.text)
    await sidecar.end()
  } finally {
    await gateway.close()
  }
})
