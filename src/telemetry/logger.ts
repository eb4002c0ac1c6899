import { destination, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import type { LogFields, Logger } from '../base/index.ts';
import { hideIn, redactSecrets } from './redact-secrets.ts';
import { textLine } from './text-line.ts';

export interface LoggerOptions {
  readonly level?: 'debug' | 'info' | 'warn' | 'error';
  /** `json` for collectors, `text` for a terminal. */
  readonly format?: 'json' | 'text';
  /** Where lines go; standard error, so that results on standard output stay clean. */
  readonly output?: { write(line: string): unknown };
}

/** A logger whose lines hold no secrets, as far as their keys and shapes tell. */
export function createLogger({ level = 'info', format = 'json', output }: LoggerOptions = {}): Logger {
  // Written at once: the last lines before a crash are the ones that matter, and there are few when all is well.
  const sink = output ?? destination({ fd: 2, sync: true });
  const lines = format === 'json' ? sink : { write: (line: string) => sink.write(textLine(line)) };
  return overPino(
    pino(
      {
        level,
        // Which pod and node it was is known to whoever collects the lines.
        base: null,
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      lines,
    ),
  );
}

function overPino(logger: PinoLogger): Logger {
  const write = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
    if (logger.isLevelEnabled(level)) logger[level](redactSecrets(fields ?? {}) as object, hideIn(message));
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => overPino(logger.child(redactSecrets(fields) as Record<string, unknown>)),
  };
}
