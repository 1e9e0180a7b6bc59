"""weir import compose: compose files as stacks."""

import pytest

SECRETS = "hunter2secret", "pw-in-a-url", "abcdef12345", "secret-of-dotenv"

COMPOSE = """
name: shop
x-logging: &logging
  driver: json-file
  options: {max-size: 10m}
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_USER: shop
      POSTGRES_PASSWORD: hunter2secret
      POSTGRES_PASSWORD_FILE: /run/secrets/pw
      POSTGRES_DB: ${DB_NAME:-shop}
      ADMIN_TOKEN: ${ADMIN_TOKEN}
    volumes:
      - data:/var/lib/postgresql/data
      - ./init:/docker-entrypoint-initdb.d:ro
      - old:/old
    healthcheck: {test: "pg_isready -U $${POSTGRES_USER}", interval: 5s, retries: 5}
    restart: unless-stopped
    logging: *logging
    deploy: {resources: {limits: {cpus: "0.5", memory: 512M}}}
  migrate:
    build: {context: ./web, target: migrate, args: {VERSION: "${VERSION}"}, ssh: [default]}
    command: python manage.py migrate --noinput "a b"
    depends_on: {db: {condition: service_healthy}}
    environment: ["DATABASE_URL=postgres://shop:pw-in-a-url@db/shop", LANG]
  web:
    build: ./web
    image: shop/web
    ports: ["8080:80", "127.0.0.1:9000-9001:9000-9001", "53/udp", {target: 443, published: "${HTTPS_PORT:-8443}", protocol: tcp}]
    env_file: web.env
    networks: {front: {aliases: [www]}, default: }
    secrets: [api_key, {source: cert, target: tls.pem}]
    configs: [{source: nginx, target: /etc/nginx/nginx.conf}]
    depends_on: {db: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
    links: [db]
    deploy: {replicas: 3}
    stop_grace_period: 1m30s
    ulimits: {nofile: {soft: 100, hard: 200}, nproc: 50}
  debug:
    image: postgres:16
    profiles: [debug]
    network_mode: service:db
networks:
  front: {ipam: {config: [{subnet: 172.30.0.0/24}]}}
volumes:
  data:
  old: {external: true}
secrets:
  api_key: {environment: API_KEY}
  cert: {file: ./cert.pem}
configs:
  nginx: {content: "listen ${PORT:-80};\\nhost $$host;\\n"}
models: {llm: {model: small}}
"""

STACK = """\
stack: shop

inputs:
  db_postgres_password: {type: string, sensitive: true}
  db_name: {type: string, default: shop}
  admin_token: {type: string, sensitive: true}
  version: {type: string}
  migrate_database_url: {type: string, sensitive: true}
  lang: {type: string, default: C.UTF-8}
  web_secret_key: {type: string, sensitive: true}
  api_key: {type: string, sensitive: true}
  port: {type: string, default: "80"}
  https_port: {type: string, default: "8443"}
  profile_debug: {type: boolean, default: false}

resources:
  front:
    type: docker.network
    name: shop_front
    subnets: [{subnet: 172.30.0.0/24}]

  data_volume:
    type: docker.volume
    name: shop_data

  network:
    type: docker.network
    name: shop_default

  db_image:
    type: docker.image
    name: postgres:16

  db:
    type: docker.container
    name: shop-db-1
    image: ${db_image.id}
    environment: {POSTGRES_DB: "${inputs.db_name}", POSTGRES_PASSWORD_FILE: /run/secrets/pw, POSTGRES_USER: shop}
    secret_environment: {ADMIN_TOKEN: "${inputs.admin_token}", POSTGRES_PASSWORD: "${inputs.db_postgres_password}"}
    mounts:
      - {source: "${data_volume.name}", target: /var/lib/postgresql/data}
      - {type: bind, source: ./init, target: /docker-entrypoint-initdb.d, read_only: true}
      - {source: old, target: /old}
    networks: [{name: "${network.name}", aliases: [db]}]
    health_check: {test: [CMD-SHELL, "pg_isready -U $${POSTGRES_USER}"], interval: 5s, retries: 5}
    restart: unless-stopped
    log_driver: json-file
    log_options: {max-size: 10m}
    memory: 512M
    cpus: 0.5

  migrate_image:
    type: docker.image
    name: shop-migrate
    context: ./web
    target: migrate
    args: {VERSION: "${inputs.version}"}

  migrate:
    type: docker.container
    name: shop-migrate-1
    image: ${migrate_image.id}
    command: [python, manage.py, migrate, "--noinput", a b]
    environment: {LANG: "${inputs.lang}"}
    secret_environment: {DATABASE_URL: "${inputs.migrate_database_url}"}
    networks: [{name: "${network.name}", aliases: [migrate]}]
    depends_on: [db]
    wait: exited

  web_image:
    type: docker.image
    name: shop/web
    context: ./web

  web:
    type: docker.container
    for_each: ["1", "2", "3"]
    name: shop-web-${each.key}
    image: ${web_image.id}
    environment: {LOG_LEVEL: info}
    secret_environment: {SECRET_KEY: "${inputs.web_secret_key}"}
    secrets: {/run/secrets/api_key: "${inputs.api_key}", /run/secrets/tls.pem: "${file('./cert.pem')}"}
    files: {/etc/nginx/nginx.conf: "listen ${inputs.port};\\nhost $host;\\n"}
    ports:
      - {container: 80, host: 8080, address: 0.0.0.0}
      - {container: 9000, host: 9000, address: 127.0.0.1}
      - {container: 9001, host: 9001, address: 127.0.0.1}
      - {container: 53, address: 0.0.0.0, protocol: udp}
      - {container: 443, host: "${inputs.https_port}", address: 0.0.0.0}
    networks: [{name: "${front.name}", aliases: [web, www]}, {name: "${network.name}", aliases: [web]}]
    stop_timeout: 90
    ulimits: {nofile: "100:200", nproc: "50"}
    depends_on: [db, migrate]

  debug:
    type: docker.container
    name: shop-debug-1
    image: ${db_image.id}
    network_mode: container:${db.name}
    when: ${inputs.profile_debug}
"""

GIVEN = [word for name in ("db_postgres_password", "admin_token", "version", "migrate_database_url", "web_secret_key", "api_key") for word in ("-i", f"{name}=given-{name}")]


@pytest.fixture
def stack(local_stack):
    local_stack.write(COMPOSE, "compose.yaml")
    local_stack.write("SECRET_KEY=abcdef12345\n# a comment\nexport LOG_LEVEL='info'\n", "web.env")
    local_stack.write("LANG=C.UTF-8\nADMIN_TOKEN=secret-of-dotenv\n", ".env")
    local_stack.write("certificate\n", "cert.pem")
    local_stack.write("FROM base\n", "web/Dockerfile")
    local_stack.write("", "init/.keep")
    return local_stack


def test_a_stack_as_one_would_write_it(stack):
    told = stack.run("import", "compose", "compose.yaml")
    written = (stack.folder / "weir.yaml").read_text()
    assert written == STACK
    for secret in SECRETS:
        assert secret not in written + told.out + told.err, secret
    for line, text in (
        (11, "the input `db_postgres_password` asks for it"),
        (14, "ADMIN_TOKEN is a secret, whose value is not written"),
        (24, "`ssh` of a build has no equivalent in a stack"),
        (27, "the input `migrate_database_url` asks for it"),
        (32, "the input `web_secret_key` asks for it"),
        (37, "`links` of a service has no equivalent in a stack"),
        (31, "several containers cannot have one port of this machine"),
        (55, "`models:` has no equivalent in a stack"),
    ):
        assert text in told.err and f"compose.yaml:{line}:" in told.err, (line, text, told.err)
    # It is right, in the usual layout, and plans without an Engine.
    stack.run("fmt", "--check")
    assert stack.plan(*GIVEN) == {name: "create" for name in ("front", "data_volume", "network", "db_image", "db", "migrate_image", "migrate", "web_image", 'web["1"]', 'web["2"]', 'web["3"]')}
    assert "debug" in stack.plan(*GIVEN, "-i", "profile_debug=true")
    assert "exists already" in stack.run("import", "compose", "compose.yaml", status=3).err
    assert stack.run("import", "compose", "compose.yaml", "-o", "-", "--name", "other").out.startswith("stack: other\n")


EXTENDED = """\
name: many
services:
  base: {image: tool, environment: [LEVEL=info, KEPT=yes], ports: ["80"], cap_add: [NET_ADMIN], command: [serve], volumes: ["/here:/etc/tool", "/var/data:/data"], healthcheck: {test: [CMD, ok], retries: 3}}
  web:
    extends: base
    environment: {LEVEL: debug}
    ports: ["81"]
    command: [serve, "--web"]
    volumes: ["/there:/etc/tool:ro"]
    healthcheck: {retries: 5}
  worker: {extends: {service: web}, scale: 2, command: work}
  beside: {network_mode: "service:worker", extends: {file: parts/common.yaml, service: common}}
  lost: {image: tool, extends: nobody}
  round: {image: tool, extends: round}
"""


def test_what_extends_another(local_stack):
    local_stack.write(EXTENDED, "compose.yaml")
    local_stack.write("services: {common: {extends: root, user: nobody, volumes: ['./etc:/etc/tool']}, root: {image: tool, user: root, working_dir: /}}\n", "parts/common.yaml")
    told = local_stack.run("import", "compose", "compose.yaml").err
    written = (local_stack.folder / "weir.yaml").read_text()
    web, worker, beside = (written.split(f"\n  {name}:\n")[1].split("\n\n")[0] for name in ("web", "worker", "beside"))
    assert "environment: {KEPT: \"yes\", LEVEL: debug}" in web and "ports: [{container: 80, address: 0.0.0.0}, {container: 81, address: 0.0.0.0}]" in web, web
    assert 'command: [serve, "--web"]' in web and "cap_add: [NET_ADMIN]" in web and "health_check: {test: [CMD, ok], retries: 5}" in web, web
    mounts = "{type: bind, source: /var/data, target: /data}", "{type: bind, source: /there, target: /etc/tool, read_only: true}"
    assert "mounts:\n      - {}\n      - {}\n".format(*mounts) in web, web
    assert 'for_each: ["1", "2"]' in worker and "name: many-worker-${each.key}" in worker and "command: [work]" in worker and "LEVEL: debug" in worker, worker
    assert 'network_mode: container:${worker["1"].name}' in beside and "user: nobody" in beside and "working_dir: /" in beside and "source: ./parts/etc" in beside, beside
    for line, text in (13, "no service of that name"), (14, "is a cycle"):
        assert f"compose.yaml:{line}:" in told and text in told, told
    assert {"base", "web", 'worker["1"]', 'worker["2"]', "beside"} < set(local_stack.plan())


INCLUDING = """\
name: many
include:
  - parts/compose.yaml
  - {path: [more/base.yaml, more/over.yaml], project_directory: more, env_file: more/.vars}
  - parts/common.yaml
services:
  web: {image: "web:${TAG}", depends_on: [db], volumes: ["data:/data"], networks: [back]}
"""
PARTS = {
    "parts/compose.yaml": """\
name: others
include: [common.yaml]
services:
  db:
    build: ./db
    image: "db:${TAG}-${LEVEL}"
    env_file: [db.env]
    volumes: ["./init:/init:ro", "data:/var/data", {type: bind, source: ../shared, target: /shared}]
    secrets: [pw]
  copy: {extends: {file: ../more/base.yaml, service: tool}, command: copy}
volumes: {data: {name: "${LEVEL}-data"}}
secrets: {pw: {file: pw.txt}}
""",
    "parts/common.yaml": "networks: {back: {internal: true}}\n",
    "parts/.env": "TAG=theirs\nLEVEL=low\n", "parts/db.env": "FROM=parts\n", "parts/pw.txt": "x",
    "more/base.yaml": "services: {tool: {build: {context: .}, ports: ['80'], environment: {A: 1, B: 1}}}\n",
    "more/over.yaml": "services: {tool: {ports: ['81'], environment: {B: 2}, image: 'tool:${OWN}'}}\n",
    "more/.vars": "OWN=mine\n", ".env": "TAG=ours\n", "parts/db/Dockerfile": "FROM base\n", "more/Dockerfile": "FROM base\n",
}


def test_what_includes_another(local_stack):
    """Each file's paths begin in its own folder; what the first file's .env says goes before what others' do."""
    local_stack.write(INCLUDING, "compose.yaml")
    for name, text in PARTS.items():
        local_stack.write(text, name)
    local_stack.run("import", "compose", "compose.yaml")
    written = (local_stack.folder / "weir.yaml").read_text()
    assert "tag: {type: string, default: ours}" in written and "level: {type: string, default: low}" in written and "own: {type: string, default: mine}" in written, written
    for part in ("context: parts/db", "source: ./parts/init", "source: ./parts/../shared", 'FROM: parts', "parts/pw.txt", "context: more", "internal: true",
                 'environment: {A: 1, B: 2}', "[{container: 80, address: 0.0.0.0}, {container: 81, address: 0.0.0.0}]", "command: [copy]"):
        assert part in written, part + written
    assert "name: many-db-1" in written and "others" not in written, "one project"
    local_stack.run("fmt", "--check")
    assert {"web", "db", "tool", "copy", "back"} <= set(local_stack.plan())
    # Two things of one name, a circle, what is not there: errors where they stand.
    for text, said in (
        ("services: {web: {image: other}}", "more/same.yaml:1:12"), ("include: [same.yaml]\nservices: {a: {image: a}}", "is a cycle"),
        ("[]", ""), (None, "more/same.yaml"), ("include: [{path: []}]", "names the path"), ("include: other.yaml", "is a list"),
    ):
        (local_stack.folder / "more/same.yaml").unlink(missing_ok=True)
        if text:
            local_stack.write(text + "\n", "more/same.yaml")
        local_stack.write("include: [more/same.yaml]\nservices: {web: {image: web}}\n", "broken.yaml")
        refused = local_stack.run("import", "compose", "broken.yaml", "-o", "-", status=None)
        assert said in refused.err and (refused.status != 0 or not said), str(refused)


def test_what_is_no_compose_file(stack):
    stack.write("stack: shop\n", "other.yaml")
    assert "a compose file has `services:`" in stack.run("import", "compose", "other.yaml", status=3).err
    stack.write("services: [a\n", "broken.yaml")
    assert "broken.yaml:" in stack.run("import", "compose", "broken.yaml", status=3).err
    assert "nowhere.yaml" in stack.run("import", "compose", "nowhere.yaml", status=None).err
    stack.write("services: {a: {image: x, ports: 80, command: {a: b}}, b: [1]}\n", "odd.yaml")
    stack.run("import", "compose", "odd.yaml", "-o", "-")


def test_a_port_out_of_a_range(local_stack):
    """Compose takes a free port of the range, the Engine any free one: no range is written, which the stack would refuse."""
    local_stack.write("services: {a: {image: x, ports: ['10-11:9', {target: 7, published: '20-21'}]}}\n", "compose.yaml")
    assert local_stack.run("import", "compose", "compose.yaml").err.count("a range of ports of this machine has no equivalent") == 2
    assert "ports: [{container: 9, address: 0.0.0.0}, {container: 7, address: 0.0.0.0}]" in (local_stack.folder / "weir.yaml").read_text()
    local_stack.run("validate")
