/** Certificates for the loopback, made by the tool that comes with Java. @module */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PASSWORD = 'of-a-test'
const PEM_KEY = fileURLToPath(new URL('PemKey.java', import.meta.url))

export interface Certificate {
  /** PEM. */
  readonly ca: string
  /** The broker's settings that name it. */
  readonly properties: Readonly<Record<string, string>>
}

/** That of a broker. */
export async function certificate(folder: string): Promise<Certificate> {
  const { store, pem } = await made(folder, 'broker')
  return {
    ca: await readFile(pem, 'utf8'),
    properties: {
      'ssl.keystore.location': store,
      'ssl.keystore.type': 'PKCS12',
      'ssl.keystore.password': PASSWORD,
      'ssl.key.password': PASSWORD,
    },
  }
}

export interface ClientCertificate {
  /** PEM. */
  readonly cert: string
  /** PEM. */
  readonly key: string
  /** A file of what a broker trusts that trusts this client. */
  readonly file: string
}

/** That of a client, which signed it itself. */
export async function clientCertificate(folder: string, name: string): Promise<ClientCertificate> {
  const { store, pem } = await made(folder, name)
  const { stdout: key } = await run('java', [PEM_KEY, store, PASSWORD, name])
  return { cert: await readFile(pem, 'utf8'), key, file: pem }
}

async function made(folder: string, name: string): Promise<{ readonly store: string; readonly pem: string }> {
  const keystore = join(folder, `${name}.p12`)
  const pem = join(folder, `${name}.pem`)
  const store = ['-alias', name, '-keystore', keystore, '-storepass', PASSWORD]
  const names = ['-dname', 'CN=localhost', '-ext', 'SAN=dns:localhost,ip:127.0.0.1']
  await run('keytool', ['-genkeypair', '-keyalg', 'EC', '-storetype', 'PKCS12', ...names, ...store])
  await run('keytool', ['-exportcert', '-rfc', '-file', pem, ...store])
  return { store: keystore, pem }
}
