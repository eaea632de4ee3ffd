/** A certificate for the loopback, made by the tool that comes with Java. @module */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PASSWORD = 'of-a-test'

export interface Certificate {
  /** PEM. */
  readonly ca: string
  /** What the broker is told of it. */
  readonly properties: Readonly<Record<string, string>>
}

export async function certificate(folder: string): Promise<Certificate> {
  const keystore = join(folder, 'broker.p12')
  const pem = join(folder, 'broker.pem')
  const store = ['-alias', 'broker', '-keystore', keystore, '-storepass', PASSWORD]
  const names = ['-dname', 'CN=localhost', '-ext', 'SAN=dns:localhost,ip:127.0.0.1']
  await run('keytool', ['-genkeypair', '-keyalg', 'EC', '-storetype', 'PKCS12', ...names, ...store])
  await run('keytool', ['-exportcert', '-rfc', '-file', pem, ...store])
  return {
    ca: await readFile(pem, 'utf8'),
    properties: {
      'ssl.keystore.location': keystore,
      'ssl.keystore.type': 'PKCS12',
      'ssl.keystore.password': PASSWORD,
      'ssl.key.password': PASSWORD,
    },
  }
}
