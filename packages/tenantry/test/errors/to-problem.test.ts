import {
  BadRequestException,
  ConflictException,
  ForbiddenException,
  HttpException,
  InternalServerErrorException,
  NotFoundException,
  PayloadTooLargeException,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TenancyError } from '../../src/errors/tenancy-error.js';
import { toProblem } from '../../src/http/to-problem.js';

const say = (error: unknown) => {
  const { status, body } = toProblem(error);
  return [status, body.code, body.detail];
};

const fastifyError = (code: string, statusCode: number) =>
  Object.assign(new Error('words of the framework'), { name: 'FastifyError', code, statusCode });
/** As Nest hands on an error of its HTTP adapter. */
const mapped = (cause: Error & { statusCode: number }) => new HttpException(cause.message, cause.statusCode, { cause });

it('tells a failure of the library by its code, with Retry-After where trying again can help', () => {
  const { status, headers, body } = toProblem(
    new TenancyError('TENANCY_POOL_EXHAUSTED', { max: 10, acquireTimeoutMs: 5000 }),
  );
  expect(status).toBe(503);
  expect(headers).toEqual({ 'content-type': 'application/problem+json; charset=utf-8', 'retry-after': '1' });
  expect(body).toEqual({
    type: 'urn:tenantry:error:TENANCY_POOL_EXHAUSTED',
    title: 'Temporarily unavailable',
    status: 503,
    detail: 'The service is busy; try again shortly.',
    code: 'TENANCY_POOL_EXHAUSTED',
  });
  expect(toProblem(new TenancyError('TENANCY_CONFLICT', { reason: 'x' })).headers).not.toHaveProperty('retry-after');
});

it('finds the failure behind an error that wraps it', () => {
  const inside = new TenancyError('TENANCY_TENANT_UNKNOWN', { tenant: 'acme' });
  expect(say(new Error('outer', { cause: new Error('inner', { cause: inside }) }))[1]).toBe('TENANCY_TENANT_UNKNOWN');
  expect(
    say(
      new AggregateError([
        Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' }),
      ]),
    )[1],
  ).toBe('TENANCY_DATABASE_UNAVAILABLE');
});

it.each([
  [new NotFoundException('There is no such item.'), 404, 'HTTP_NOT_FOUND', 'There is no such item.'],
  [
    new ConflictException({ message: 'The item is sold.', internal: 'item_sold_at' }),
    409,
    'HTTP_CONFLICT',
    'The item is sold.',
  ],
  [new HttpException('Pay first.', 402), 402, 'HTTP_PAYMENT_REQUIRED', 'Pay first.'],
  [
    new BadRequestException('Choose a colour.', { cause: new Error('colour_fk') }),
    400,
    'HTTP_BAD_REQUEST',
    'Choose a colour.',
  ],
])('hands on the sentence that a service wrote: %s', (error, ...expected) => {
  expect(say(error)).toEqual(expected);
});

it.each([
  [new NotFoundException(), 404, 'There is nothing at this address.'],
  [new NotFoundException('Cannot GET /secret?token=1'), 404, 'There is nothing at this address.'],
  [new NotFoundException('Cannot GET *'), 404, 'There is nothing at this address.'],
  [new ForbiddenException('Forbidden resource'), 403, 'This request is not allowed.'],
  [new UnauthorizedException(), 401, 'The request does not say who sends it; send valid credentials.'],
  [new PayloadTooLargeException(), 413, 'The body is too large.'],
  [new HttpException({ code: 42 }, 400), 400, 'The request is not understood.'],
  [new BadRequestException(new Error('select * from secrets')), 400, 'The request is not understood.'],
  [mapped(fastifyError('FST_ERR_CTP_INVALID_JSON_BODY', 400)), 400, 'The body is not valid JSON.'],
  [mapped(fastifyError('FST_ERR_CTP_EMPTY_JSON_BODY', 400)), 400, 'The body is empty; send JSON, or no content-type.'],
  [mapped(fastifyError('FST_ERR_CTP_BODY_TOO_LARGE', 413)), 413, 'The body is too large.'],
  [
    fastifyError('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415),
    415,
    'The body is in a form that is not understood; send JSON as application/json.',
  ],
  [fastifyError('FST_ERR_BAD_URL', 400), 400, 'The address is not a valid URL.'],
  [new HttpException('', 418), 418, 'The request cannot be answered.'],
])('puts a sentence of its own in place of the words of a framework: %s', (error, status, detail) => {
  expect([say(error)[0], say(error)[2]]).toEqual([status, detail]);
});

it('lists what is wrong with values, and not without end', () => {
  const errors = ['name: too long', 'x'.repeat(1000), ...Array.from({ length: 100 }, () => 'more')];
  const { body } = toProblem(new BadRequestException(errors));
  expect(body.detail).toBe('The request has values that are not accepted.');
  expect(body.errors).toHaveLength(20);
  expect(body.errors?.slice(0, 2)).toEqual(['name: too long', `${'x'.repeat(200)}…`]);
});

it.each([
  new Error('select * from "acme_shop".item'),
  new InternalServerErrorException('role acme_shop is missing'),
  new ServiceUnavailableException({ status: 'error', db: 'postgres://user:password@host' }),
  fastifyError('FST_ERR_REP_INVALID_PAYLOAD_TYPE', 500),
  'a text',
  undefined,
  null,
  { statusCode: 400, message: 'no error' },
  Object.assign(new Error('odd'), { statusCode: '400' }),
  Object.assign(new Error('odd'), { statusCode: 200 }),
  Object.assign(new Error('odd'), { statusCode: Number.NaN }),
])('tells nothing of what nobody foresaw: %s', (error) => {
  const { status, body } = toProblem(error);
  expect(status).toBeGreaterThanOrEqual(500);
  expect(body.detail).toBe('The service could not answer this request; its log says why.');
  expect(JSON.stringify(body)).not.toMatch(/acme|select|role|password|odd|text/);
});

it('answers any error at all, and never with the words of one that is no HTTP exception', () => {
  fc.assert(
    fc.property(
      fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }),
      fc.uuid(),
      (extra, secret) => {
        const error = Object.assign(new Error(secret), { cause: extra, extra });
        for (const thrown of [error, extra]) {
          const { status, body } = toProblem(thrown);
          expect(status).toBeGreaterThanOrEqual(400);
          expect(JSON.stringify(body)).not.toContain(secret);
        }
      },
    ),
  );
});
