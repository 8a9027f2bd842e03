import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { currentScope } from '../context/current-scope.js';
import { scopeKey } from '../context/scope.js';
import { toProblem } from '../http/to-problem.js';
import { Tenancy } from '../tenancy.js';
import { translateError } from '../postgres/translate-error.js';

/** Answers every error with problem details (RFC 9457), and logs for the operator what the caller is not told. */
@Catch()
@Injectable()
export class ProblemFilter implements ExceptionFilter {
  readonly #host: HttpAdapterHost;
  /** Not where only a service without tenants answers. */
  readonly #tenancy: Tenancy | undefined;
  readonly #logger = new Logger('Tenancy');

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Optional() @Inject(Tenancy) tenancy?: Tenancy) {
    this.#host = host;
    this.#tenancy = tenancy;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    const explaining = this.#tenancy?.explain(error);
    if (explaining)
      void explaining
        .then((reason) => this.#answer(reason ?? error, host))
        .catch((failure: unknown) => this.#logger.error(failure));
    else this.#answer(error, host);
  }

  #answer(error: unknown, host: ArgumentsHost): void {
    const { status, headers, body } = toProblem(error);
    if (status >= 500) this.#log(error, body.code);
    const adapter = this.#host.httpAdapter;
    const response: unknown = host.switchToHttp().getResponse();
    if (adapter.isHeadersSent(response)) {
      // A stream that broke: the caller would wait for the rest for ever.
      adapter.end(response);
      return;
    }
    for (const [name, value] of Object.entries(headers)) adapter.setHeader(response, name, value);
    adapter.reply(response, body, status);
  }

  #log(error: unknown, code: string): void {
    const scope = currentScope();
    const known = translateError(error, scope && { where: ` of the scope "${scopeKey(scope)}"` });
    if (known) this.#logger.warn(`${code}: ${known.operatorMessage}`);
    else this.#logger.error(error instanceof Error ? (error.stack ?? error.message) : error);
  }
}
