import { defineEntity, EntityManager, type InferEntity, p } from '@mikro-orm/postgresql';
import { Body, Controller, type DynamicModule, Get, Injectable, Module, Post } from '@nestjs/common';
import { fromHeader, TenancyModule } from 'tenantry/nest';
import { migrations } from './migrations.ts';

/** In the schema of its company: nothing says whose it is. */
export const Project = defineEntity({
  name: 'Project',
  tableName: 'project',
  schema: '*',
  properties: { id: p.integer().primary(), title: p.string() },
});

export const Task = defineEntity({
  name: 'Task',
  tableName: 'task',
  schema: '*',
  properties: {
    id: p.integer().primary(),
    project: () => p.manyToOne(Project).deleteRule('cascade'),
    text: p.string(),
    done: p.boolean().default(false),
  },
});
export type Project = InferEntity<typeof Project>;

@Injectable()
class ProjectsService {
  constructor(private readonly em: EntityManager) {}

  async create(title: string): Promise<Project> {
    const project = this.em.create(Project, { title });
    this.em.create(Task, { project, text: `plan ${title}` });
    await this.em.flush();
    return project;
  }

  list(): Promise<Project[]> {
    return this.em.findAll(Project, { orderBy: { id: 'asc' } });
  }

  tasks(): Promise<object[]> {
    return this.em.findAll(Task, { orderBy: { id: 'asc' } });
  }
}

@Controller()
class ProjectsController {
  constructor(private readonly projects: ProjectsService) {}

  @Post('projects')
  create(@Body() { title }: { title: string }): Promise<Project> {
    return this.projects.create(title);
  }

  @Get('projects')
  list(): Promise<Project[]> {
    return this.projects.list();
  }

  @Get('tasks')
  tasks(): Promise<object[]> {
    return this.projects.tasks();
  }
}

/** The application as it is now. */
@Module({ controllers: [ProjectsController], providers: [ProjectsService] })
export class AfterModule {
  static forRoot(url: string): DynamicModule {
    const tenancy = TenancyModule.forRoot({ url, service: 'projects', migrations, resolver: fromHeader('x-client') });
    return { module: AfterModule, imports: [tenancy, TenancyModule.forOrm({ entities: [Project, Task] })] };
  }
}
