// Node's http by hand: the same job, with a keep-alive agent.

const http = require("node:http");

const upstream = new URL(process.env.UPSTREAM);
const origin = process.env.ORIGIN;
const oldBase = "/EvtMgmt/api/v2.0/";
const agent = new http.Agent({ keepAlive: true, maxSockets: 512, maxFreeSockets: 512 });

const server = http.createServer((request, response) => {
  const [path, query = ""] = request.url.slice(oldBase.length).split("?", 2);
  const others = query.split("&").filter((part) => part && !part.startsWith("emApplicationtoken="));
  const target = `${upstream.pathname}${path}?${[`emApplicationtoken=${process.env.TOKEN}`, ...others].join("&")}`;
  const headers = { ...request.headers, host: upstream.host, origin };
  delete headers.connection;
  const call = http.request({ agent, host: upstream.hostname, port: upstream.port, method: request.method, path: target, headers });
  call.on("response", (answer) => {
    const { connection, "keep-alive": _, ...rest } = answer.headers;
    response.writeHead(answer.statusCode, { ...rest, "access-control-allow-origin": origin, vary: "Origin" });
    answer.pipe(response);
  });
  call.on("error", () => response.destroy());
  request.pipe(call);
});

server.keepAliveTimeout = 300_000;
server.listen(Number(process.env.PORT), "127.0.0.1", 4096);
