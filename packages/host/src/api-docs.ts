import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

/** What the page at `/docs` says. */
export interface ApiDescription {
  readonly title: string;
  readonly description: string;
  /** The header that names the tenant; it becomes a required parameter of every route except health. @default none */
  readonly tenantHeader?: string;
}

/** Serves the API's description: a page at `/docs`, JSON at `/docs-json`. It is made when first asked for. */
export function serveApiDocs(app: INestApplication, api: ApiDescription): void {
  const config = new DocumentBuilder().setTitle(api.title).setDescription(api.description).setVersion('1').build();
  SwaggerModule.setup('docs', app, () => withTenantHeader(SwaggerModule.createDocument(app, config), api.tenantHeader));
}

function withTenantHeader(document: OpenAPIObject, name: string | undefined): OpenAPIObject {
  if (name === undefined) return document;
  const header = {
    name,
    in: 'header',
    required: true,
    description: 'The id of the tenant',
    schema: { type: 'string' },
  } as const;
  for (const [path, item] of Object.entries(document.paths)) {
    if (!path.startsWith('/__health')) item.parameters = [...(item.parameters ?? []), header];
  }
  return document;
}
