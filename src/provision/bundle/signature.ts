import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { HansaError } from '../../base/index.ts';

/** `ed25519:` and the key's 32 bytes in base64: fits on a command line and into YAML. */
const shortForm = /^ed25519:([A-Za-z0-9+/]{43}=)$/;

export interface SigningKeys {
  /** PEM; keep it to yourself. */
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Keys that sign bundles. */
export function makeSigningKeys(): SigningKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKeyText(publicKey),
  };
}

/**
 * Reads a public key in PEM or in short form.
 * @throws HansaError KeyInvalid
 */
export function readPublicKey(text: string): KeyObject {
  const x = shortForm.exec(text.trim())?.[1];
  const key = x
    ? {
        key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(x, 'base64').toString('base64url') },
        format: 'jwk' as const,
      }
    : text;
  return checked(() => {
    if (text.includes('PRIVATE KEY')) throw new Error('it is a private key');
    return createPublicKey(key);
  }, 'public');
}

/** @throws HansaError KeyInvalid */
export function readPrivateKey(text: string): KeyObject {
  return checked(() => createPrivateKey(text), 'private');
}

export function signBytes(bytes: Buffer, key: KeyObject): Buffer {
  return sign(null, bytes, key);
}

export function isSignedBy(bytes: Buffer, signature: Buffer, key: KeyObject): boolean {
  return signature.length === 64 && verify(null, bytes, key, signature);
}

/** The short form of a public key, or of a private key's public half. */
export function publicKeyText(key: KeyObject): string {
  const { x = '' } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  return `ed25519:${Buffer.from(x, 'base64url').toString('base64')}`;
}

function checked(read: () => KeyObject, what: 'public' | 'private'): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    // Not the cause's own words: they may quote the key.
    throw unusable(what);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw unusable(what);
  return key;
}

function unusable(what: 'public' | 'private'): HansaError {
  const form = what === 'public' ? 'PEM or "ed25519:…" as "hansa bundle keygen" prints it' : 'PEM (PKCS #8)';
  return new HansaError(`this is not an ed25519 ${what} key: give it in ${form}`, {
    reason: 'KeyInvalid',
    retry: 'never',
  });
}
