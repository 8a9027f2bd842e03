import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  type CreateItem,
  createItem,
  itemId,
  itemPage,
  type ItemPage,
  type UpdateItem,
  updateItem,
} from './item.schema.js';
import type { Item } from './item.entity.js';
import { ItemsService } from './items.service.js';

@Controller('items')
export class ItemsController {
  constructor(private readonly items: ItemsService) {}

  @Post()
  create(@Body({ schema: createItem }) body: CreateItem): Promise<Item> {
    return this.items.create(body);
  }

  @Get()
  list(@Query({ schema: itemPage }) page: ItemPage): Promise<Item[]> {
    return this.items.list(page);
  }

  @Get(':id')
  get(@Param('id', { schema: itemId }) id: string): Promise<Item> {
    return this.items.get(id);
  }

  @Patch(':id')
  update(@Param('id', { schema: itemId }) id: string, @Body({ schema: updateItem }) body: UpdateItem): Promise<Item> {
    return this.items.update(id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  remove(@Param('id', { schema: itemId }) id: string): Promise<void> {
    return this.items.remove(id);
  }
}
