import {
  type ArgumentsHost,
  Catch,
  ConflictException,
  Controller,
  type ExceptionFilter,
  Get,
  type LoggerService,
  NotFoundException,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { TenancyError } from '../../src/errors/tenancy-error.js';
import { CatalogScope } from '../../src/nest/catalog-scope.decorator.js';
import { ProblemFilter } from '../../src/nest/problem.filter.js';
import { type NestShop, openNestShop } from './nest-shop.js';

@CatalogScope()
@Controller()
class FailingController {
  @Get('known')
  known(): never {
    throw new TenancyError('TENANCY_ACCESS_DENIED', {
      where: ' of the scope "acme_shop"',
      reason: 'permission denied for schema globex_shop',
    });
  }

  @Get('unknown')
  unknown(): never {
    throw new TypeError('nobody foresaw this');
  }

  @Get('text')
  text(): never {
    // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error -- a library may do it
    throw 'only a text';
  }

  @Get('missing')
  missing(): never {
    throw new NotFoundException('There is no such thing.');
  }

  @Get('own')
  own(): never {
    throw new ConflictException('The service has a filter for this.');
  }
}

@Catch(ConflictException)
class OwnFilter implements ExceptionFilter {
  catch(error: ConflictException, host: ArgumentsHost): void {
    host
      .switchToHttp()
      .getResponse<{ code(status: number): { send(body: unknown): void } }>()
      .code(418)
      .send({ own: error.message });
  }
}

const logged: string[] = [];
const logger: LoggerService = {
  log: () => undefined,
  warn: (message: string) => logged.push(`warn ${message}`),
  error: (message: unknown) => logged.push(`error ${String(message)}`),
};

let shop: NestShop;
beforeAll(async () => {
  // The filter twice, as in a service whose host registers it too.
  const providers = [
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_FILTER, useClass: OwnFilter },
  ];
  shop = await openNestShop({ controllers: [FailingController], providers, prepare: (app) => app.useLogger(logger) });
});
afterAll(() => shop.close());
beforeEach(() => logged.splice(0));

it('tells the operator in the log what the caller is not told, once', async () => {
  expect(JSON.stringify(await shop.get('/known'))).not.toMatch(/acme|globex|permission/);
  expect(logged).toEqual([
    expect.stringMatching(
      /^warn TENANCY_ACCESS_DENIED: PostgreSQL denied a statement of the scope "acme_shop": permission denied for schema globex_shop/,
    ),
  ]);
});

it('logs the stack of what nobody foresaw, and whatever was thrown', async () => {
  expect(JSON.stringify(await shop.get('/unknown'))).not.toContain('foresaw');
  expect(await shop.get('/text')).toMatchObject({ status: 500 });
  expect(logged).toEqual([expect.stringMatching(/^error TypeError: nobody foresaw this\n\s+at /), 'error only a text']);
});

it('logs nothing of what a caller did wrong', async () => {
  expect(await shop.get('/missing')).toMatchObject({ status: 404, detail: 'There is no such thing.' });
  expect(await shop.get('/nowhere')).toMatchObject({ status: 404 });
  expect(logged).toEqual([]);
});

it("leaves an exception to the service's own filter", async () => {
  expect(await shop.get('/own')).toEqual({ own: 'The service has a filter for this.' });
});
