import { defineEntity, EntityManager, type InferEntity, p, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Body, Controller, type DynamicModule, Get, Headers, Injectable, Module, Post } from '@nestjs/common';

/** Who pays. */
export const Company = defineEntity({
  name: 'Company',
  tableName: 'company',
  properties: { id: p.integer().primary(), name: p.string() },
});

/** One table for all companies: every query must not forget the column. */
export const Project = defineEntity({
  name: 'Project',
  tableName: 'project',
  properties: { id: p.integer().primary(), company: () => p.manyToOne(Company), title: p.string() },
});

/** Belongs to a company only through its project. */
export const Task = defineEntity({
  name: 'Task',
  tableName: 'task',
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

  async create(company: number, title: string): Promise<Project> {
    const project = this.em.create(Project, { company, title });
    this.em.create(Task, { project, text: `plan ${title}` });
    await this.em.flush();
    return project;
  }

  list(company: number): Promise<Project[]> {
    return this.em.find(Project, { company }, { orderBy: { id: 'asc' } });
  }

  tasks(company: number): Promise<object[]> {
    return this.em.find(Task, { project: { company } }, { orderBy: { id: 'asc' } });
  }
}

@Controller()
class ProjectsController {
  constructor(private readonly projects: ProjectsService) {}

  @Post('projects')
  create(@Headers('x-client') company: string, @Body() { title }: { title: string }): Promise<Project> {
    return this.projects.create(Number(company), title);
  }

  @Get('projects')
  list(@Headers('x-client') company: string): Promise<Project[]> {
    return this.projects.list(Number(company));
  }

  @Get('tasks')
  tasks(@Headers('x-client') company: string): Promise<object[]> {
    return this.projects.tasks(Number(company));
  }
}

/** The application as it was. */
@Module({ controllers: [ProjectsController], providers: [ProjectsService] })
export class BeforeModule {
  static forRoot(clientUrl: string): DynamicModule {
    const orm = MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl, entities: [Company, Project, Task] });
    return { module: BeforeModule, imports: [orm] };
  }
}
