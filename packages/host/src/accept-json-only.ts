import { errorCodes, type FastifyInstance } from 'fastify';
import { isUtf8 } from 'node:buffer';

type Parsers = Pick<FastifyInstance, 'removeAllContentTypeParsers' | 'addContentTypeParser' | 'getDefaultJsonParser'>;

/**
 * Takes JSON in UTF-8 and answers 415 or 400 to the rest. A form would be one more way to say the same thing, which a
 * page of any other site may send without asking; and a decoder that guesses would store other text than was sent.
 */
export function acceptJsonOnly(fastify: Parsers): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (isUtf8(body)) void parse(request, body.toString(), done);
    else done(new errorCodes.FST_ERR_CTP_INVALID_JSON_BODY());
  });
}
