import "reflect-metadata";
import { Controller, Get, Module, Param, Req } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { askModel } from "./model.js";
import { askNext, isTraced, ready, runOperation, variant } from "./serve.js";

const operations = { text: askModel, tools: async () => `${await askNext("add")} ${await askModel()}` };

// What the decorators of a TypeScript application do.
class AgentController {
  run(operation, request) {
    return runOperation(operations, { url: request.originalUrl ?? request.url, rawHeaders: (request.raw ?? request).rawHeaders });
  }
}
Controller()(AgentController);
Get(":operation")(AgentController.prototype, "run", Object.getOwnPropertyDescriptor(AgentController.prototype, "run"));
Param("operation")(AgentController.prototype, "run", 0);
Req()(AgentController.prototype, "run", 1);

class AppModule {}
Module({ controllers: [AgentController] })(AppModule);

const app = await NestFactory.create(AppModule, variant === "fastify" ? new FastifyAdapter() : new ExpressAdapter(), {
  logger: ["error"],
});
if (isTraced && variant === "fastify") {
  const { traceRequests } = await import("a2a-otel/server/fastify");
  await app.register(traceRequests);
} else if (isTraced) {
  const { traceRequests } = await import("a2a-otel/server/express");
  app.use(traceRequests());
}
await app.listen(0, "127.0.0.1");
ready(await app.getUrl());
