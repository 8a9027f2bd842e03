import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { from, mergeMap, type Observable, throwError } from 'rxjs';
import { currentScope } from '../context/current-scope.js';
import { scopeKey } from '../context/scope.js';
import { type Problem, toProblem } from '../http/to-problem.js';
import { translateError } from '../postgres/translate-error.js';
import type { Readiness } from '../readiness.js';
import { readinessOf, Tenancy } from '../tenancy.js';
import { graphqlError } from './graphql-error.js';
import { messageError } from './message-error.js';
import { sendException } from './send-exception.js';

/**
 * Answers every error with problem details (RFC 9457), and logs for the operator what the caller is not told. Over other
 * transports than HTTP the same details arrive as that transport tells an error.
 */
@Catch()
@Injectable()
export class ProblemFilter implements ExceptionFilter {
  readonly #host: HttpAdapterHost;
  /** Not where only a service without tenants answers. */
  readonly #readiness: Readiness | undefined;
  readonly #logger = new Logger('Tenancy');

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Optional() @Inject(Tenancy) tenancy?: Tenancy) {
    this.#host = host;
    this.#readiness = tenancy && readinessOf(tenancy);
  }

  catch(error: unknown, host: ArgumentsHost): unknown {
    switch (host.getType<string>()) {
      case 'http':
        return this.#afterExplaining(error, (reason) => this.#answer(reason, host));
      case 'ws':
        return this.#afterExplaining(error, (reason) =>
          sendException(host.switchToWs().getClient(), messageError(reason, this.#problemOf(reason))),
        );
      case 'rpc':
        return this.#throwing(error);
      case 'graphql': {
        const explaining = this.#readiness?.explain(error);
        const told = (reason: unknown) => graphqlError(reason, this.#problemOf(reason));
        return explaining ? explaining.then((reason) => told(reason ?? error)) : told(error);
      }
      default:
        throw error;
    }
  }

  /** Nest does not wait for a promise that a filter returns. */
  #afterExplaining(error: unknown, answer: (reason: unknown) => void): void {
    const explaining = this.#readiness?.explain(error);
    if (explaining)
      void explaining
        .then((reason) => answer(reason ?? error))
        .catch((failure: unknown) => this.#logger.error(failure));
    else answer(error);
  }

  /** A handler's caller is answered by what the stream throws; a filter that threw would leave it without an answer. */
  #throwing(error: unknown): Observable<never> {
    const explaining = Promise.resolve(this.#readiness?.explain(error)).catch(() => undefined);
    return from(explaining).pipe(
      mergeMap((reason = error as never) => throwError(() => messageError(reason, this.#problemOf(reason)))),
    );
  }

  #answer(error: unknown, host: ArgumentsHost): void {
    const { status, headers, body } = this.#problemOf(error);
    const adapter = this.#host.httpAdapter;
    const response: unknown = host.switchToHttp().getResponse();
    if (adapter.isHeadersSent(response)) {
      // The headers are sent, so a stream broke. Without an end the caller would wait for the rest for ever.
      adapter.end(response);
      return;
    }
    for (const [name, value] of Object.entries(headers)) adapter.setHeader(response, name, value);
    adapter.reply(response, body, status);
  }

  #problemOf(error: unknown): Problem {
    const problem = toProblem(error);
    if (problem.status >= 500) this.#log(error, problem.body.code);
    return problem;
  }

  #log(error: unknown, code: string): void {
    const scope = currentScope();
    const known = translateError(error, scope && { where: ` of the scope "${scopeKey(scope)}"` });
    if (known) this.#logger.warn(`${code}: ${known.operatorMessage}`);
    else this.#logger.error(error instanceof Error ? (error.stack ?? error.message) : error);
  }
}
