import { Readable } from 'node:stream';
import type * as S3 from '@aws-sdk/client-s3';
import { HansaError, messageOf } from '../../base/index.ts';
import type { ConnectS3, S3Settings } from './open-target.ts';

/** Backups are some hundred megabytes at most; parts this large need few requests and little memory. */
const partBytes = 16 * 1024 * 1024;

/**
 * Backups in a bucket of an S3-compatible store. The bucket must exist: who may make buckets may do too much.
 * `credentials` has `access-key-id` and `secret-access-key`.
 *
 * Objects appear when they are whole: a backup is sent in parts, and what failed half way is taken back.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
 */
export const connectS3: ConnectS3 = (settings, credentials) => {
  const where = `s3://${settings.bucket}/${settings.prefix}`.replace(/\/$/, '');
  const prefix =
    settings.prefix === '' || settings.prefix.endsWith('/') ? settings.prefix : `${settings.prefix}/`;
  const keyOf = (name: string): string => {
    if (/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(name)) return `${prefix}${name}`;
    throw new HansaError(`"${name}" can't name a backup: letters, digits, dots and dashes only`, {
      reason: 'BadBackupName',
      retry: 'never',
    });
  };
  let opened: Promise<Opened> | undefined;
  const open = () => {
    opened ??= openClient(settings, credentials);
    return opened;
  };
  const failed = (what: string, error: unknown) => failure(where, what, error);
  return {
    where,

    async put(name, content, { signal } = {}) {
      const key = keyOf(name);
      const [{ client }, { Upload }] = await Promise.all([open(), import('@aws-sdk/lib-storage')]);
      const upload = new Upload({
        client,
        params: { Bucket: settings.bucket, Key: key, Body: Readable.from(content) },
        partSize: partBytes,
        queueSize: 2,
        leavePartsOnError: false,
      });
      const stop = () => void upload.abort();
      signal?.addEventListener('abort', stop, { once: true });
      try {
        signal?.throwIfAborted();
        await upload.done();
      } catch (error) {
        signal?.throwIfAborted();
        throw failed(`${name} can't be stored in`, error);
      } finally {
        signal?.removeEventListener('abort', stop);
      }
    },

    async *get(name, { signal } = {}) {
      const key = keyOf(name);
      const { client, commands } = await open();
      const call = signal ? { abortSignal: signal } : {};
      try {
        const { Body } = await client.send(
          new commands.GetObjectCommand({ Bucket: settings.bucket, Key: key }),
          call,
        );
        for await (const chunk of Body as unknown as AsyncIterable<Uint8Array>) yield Buffer.from(chunk);
      } catch (error) {
        signal?.throwIfAborted();
        if (nameOf(error) !== 'NoSuchKey') throw failed(`${name} can't be read from`, error);
        throw new HansaError(`there is no backup ${name} in ${where}`, {
          reason: 'BackupMissing',
          retry: 'never',
          cause: error,
        });
      }
    },

    async list({ signal } = {}) {
      const { client, commands } = await open();
      const call = signal ? { abortSignal: signal } : {};
      const found: { readonly name: string; readonly sizeBytes: number }[] = [];
      try {
        for (let token: string | undefined, isFirst = true; isFirst || token; isFirst = false) {
          const page = await client.send(
            new commands.ListObjectsV2Command({
              Bucket: settings.bucket,
              Prefix: prefix,
              ...(token ? { ContinuationToken: token } : {}),
            }),
            call,
          );
          for (const { Key = '', Size = 0 } of page.Contents ?? []) {
            const name = Key.slice(prefix.length);
            // Deeper ones are somebody else's.
            if (name !== '' && !name.includes('/')) found.push({ name, sizeBytes: Size });
          }
          token = page.NextContinuationToken;
        }
      } catch (error) {
        signal?.throwIfAborted();
        throw failed("the backups can't be listed in", error);
      }
      return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },

    async remove(name, { signal } = {}) {
      const key = keyOf(name);
      const { client, commands } = await open();
      try {
        await client.send(
          new commands.DeleteObjectCommand({ Bucket: settings.bucket, Key: key }),
          signal ? { abortSignal: signal } : {},
        );
      } catch (error) {
        signal?.throwIfAborted();
        throw failed(`${name} can't be removed from`, error);
      }
    },
  };
};

interface Opened {
  readonly client: S3.S3Client;
  readonly commands: Pick<typeof S3, 'GetObjectCommand' | 'ListObjectsV2Command' | 'DeleteObjectCommand'>;
}

/** The library is large, and few need it: it is read when the first backup goes there. */
async function openClient(
  settings: S3Settings,
  credentials: Readonly<Record<string, string>>,
): Promise<Opened> {
  const { 'access-key-id': accessKeyId, 'secret-access-key': secretAccessKey } = credentials;
  if (!accessKeyId || !secretAccessKey) {
    throw new HansaError(
      `the Secret ${settings.secretName} must have access-key-id and secret-access-key of the store`,
      { reason: 'SecretIncomplete', retry: 'never' },
    );
  }
  const { S3Client, GetObjectCommand, ListObjectsV2Command, DeleteObjectCommand } = await import(
    '@aws-sdk/client-s3'
  );
  const config: S3.S3ClientConfig = {
    region: settings.region,
    credentials: { accessKeyId, secretAccessKey },
    // Stores other than Amazon's seldom have a name for each bucket.
    ...(settings.endpoint ? { endpoint: settings.endpoint, forcePathStyle: true } : {}),
    // Not every store knows the newer checksums; what is stored is authenticated by its seal.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 4,
  };
  return {
    client: new S3Client(config),
    commands: { GetObjectCommand, ListObjectsV2Command, DeleteObjectCommand },
  };
}

const advice: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket: make it, or correct spec.backup.target.s3.bucket',
  AccessDenied:
    'the key may not do that: it needs to list the bucket, and to read, write and delete below the prefix',
  InvalidAccessKeyId: 'the store does not know the access key: correct the Secret',
  SignatureDoesNotMatch: 'the secret key is wrong: correct the Secret',
};

function failure(where: string, what: string, error: unknown): HansaError {
  const name = nameOf(error);
  const known = advice[name];
  if (known) {
    return new HansaError(`${what} ${where}: ${known}`, { reason: name, retry: 'never', cause: error });
  }
  // Stores have names, and even codes, of their own for the same refusals.
  const status = statusOf(error) ?? 0;
  const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return new HansaError(
    `${what} ${where}: ${messageOf(error)}${isRefused ? ' Correct the Secret, the rights of its key, or spec.backup.target.s3.' : ''}`,
    isRefused
      ? { reason: 'AccessDenied', retry: 'never', cause: error }
      : { reason: 'BackupTargetUnreachable', retry: 'backoff', cause: error },
  );
}

function statusOf(error: unknown): number | undefined {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
