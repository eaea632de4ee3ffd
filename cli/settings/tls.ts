/** Settings of the listener's TLS: of the gateway, and of `kedge serve`. @module */
import { setting } from '../setting.ts'
import type { Setting } from '../setting.ts'
import { text } from '../value-types.ts'

type File = Setting<string | undefined>

/** The settings of one command. */
export interface TlsSettings {
  readonly certificate: File
  readonly certificateKey: File
  readonly clientCa: File
}

function settingsOf(command: string): TlsSettings {
  const pemFile = (name: string, flag: string, says: string): File =>
    setting<string | undefined>(`${command}.${name}`, {
      flag,
      shape: text,
      says,
      otherwise: undefined,
      otherwiseSays: 'none',
    })
  return {
    certificate: pemFile(
      'certificate',
      '--certificate <file>',
      'serve TLS with this certificate, PEM; read again when it changes',
    ),
    certificateKey: pemFile(
      'certificateKey',
      '--certificate-key <file>',
      'the private key of --certificate, PEM',
    ),
    clientCa: pemFile(
      'clientCa',
      '--client-ca <file>',
      'let in only clients with a certificate of these authorities, PEM',
    ),
  }
}

export const gatewayTls: TlsSettings = settingsOf('gateway')
export const serveTls: TlsSettings = settingsOf('serve')
