"""weir.random and weir.key: made up once, kept in the state, shown to nobody; ssh-keygen and openssl read the keys."""

import re
import subprocess

import pytest

KEY = "0123456789abcdef" * 4

RANDOM = """
    stack: made
    inputs: {round: {type: integer, default: 1}}
    resources:
      suffix: {type: weir.random}
      letters: {type: weir.random, length: 40, alphabet: ab}
      name: {type: weir.random, kind: name, words: 3}
      die: {type: weir.random, kind: integer, min: 1, max: 6}
      id: {type: weir.random, kind: uuid}
      word: {type: weir.random, kind: password, length: 24, exclude: "xyz'", rotate: "${inputs.round}"}
      used: {type: weir.command, command: 'printf %s "$IT" > word', env: {IT: "${word.password}"}}
      bucket: {type: weir.value, value: "lake-${suffix.result}"}
    outputs:
      texts: ["${suffix.result}", "${letters.result}", "${name.result}", "${id.result}", "${bucket.value}"]
      die: ${die.result}
"""


def test_what_is_made_up_stays(local_stack):
    local_stack.env["WEIR_STATE_KEY"] = KEY
    local_stack.write(RANDOM)
    shown = local_stack.run("apply", "--yes")
    before = local_stack.outputs()
    suffix, letters, name, uuid, bucket = before["texts"]
    assert re.fullmatch("[a-z0-9]{8}", suffix) and re.fullmatch("[ab]{40}", letters) and len(set(letters)) == 2
    assert re.fullmatch("[a-z]+-[a-z]+-[a-z]+", name) and re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", uuid)
    assert bucket == f"lake-{suffix}" and 1 <= before["die"] <= 6
    word = (local_stack.folder / "word").read_text()
    assert len(word) == 24 and not set(word) & set("xyz'") and all(any(c in word for c in kind) for kind in ("abcdefghijklmnopqrstuvw", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"))
    kept = b"".join(path.read_bytes() for path in (local_stack.folder / ".weir").rglob("*") if path.is_file())
    assert word.encode() not in kept and word not in shown.out + shown.err
    assert "No changes" in local_stack.run("plan").out
    assert local_stack.plan("-i", "round=2") == {"word": "update", "used": "update"}
    local_stack.apply("-i", "round=2")
    assert (local_stack.folder / "word").read_text() != word and local_stack.outputs()["texts"] == before["texts"]
    local_stack.destroy("--verify", "-i", "round=2")  # what only the state had is nothing to be left


@pytest.mark.parametrize("use", ["${word.password}", "x-${word.password}", "${length(word.password)}", "${jsonencode({password: word.password})}"])
def test_without_a_key_a_password_that_is_referred_to_is_refused(local_stack, use):
    """Before it is made: the next plan would have nothing but its hash."""
    resources = f"resources: {{word: {{type: weir.random, kind: password}}, used: {{type: weir.value, value: '{use}'}}}}\n"
    local_stack.write(f"stack: made\n{resources}")
    refused = local_stack.run("apply", "--yes", status=3).err
    assert "keeps only a hash" in refused and "weir state key" in refused, refused
    local_stack.env["WEIR_STATE_KEY"] = KEY
    local_stack.apply()
    local_stack.assert_settled()


def test_without_a_key_a_password_of_before_is_not_there(local_stack):
    """Made while nobody referred to it; what would be made of its hash is refused."""
    word = "word: {type: weir.random, kind: password}"
    local_stack.write(f"stack: made\nresources: {{{word}}}\n")
    local_stack.apply()
    for use in "${word.password}", "${jsonencode([{password: word.password}])}", "${jsonencode(nonsensitive({password: word.password}))}":
        local_stack.write(f"stack: made\nresources: {{{word}, used: {{type: weir.value, value: '{use}'}}}}\n")
        assert "keeps only a hash" in local_stack.run("plan", status=3).err
    provider = "providers: {postgres: {host: 127.0.0.1, port: 1, user: ada, password: '${word.password}'}}"
    local_stack.write(f"stack: made\n{provider}\nresources: {{{word}, bronze: {{type: postgres.schema, name: bronze}}}}\n")
    refused = local_stack.run("plan", status=None)
    assert refused.status != 0 and '"password" of "postgres" refers to a secret of which the state keeps only a hash' in refused.err, refused
    assert "weir state key" in refused.err and "cannot log in" not in refused.err


def test_without_a_key_a_saved_plan_is_applied(local_stack):
    """What it shows of a password that nobody can work with is the same each time."""
    local_stack.write("stack: made\nresources: {word: {type: weir.random, kind: password}}\noutputs: {word: {value: '${word.password}', sensitive: true}}\n")
    local_stack.run("plan", "-o", "it.plan")
    local_stack.run("apply", "it.plan")
    assert local_stack.plan() == {}


def test_without_a_key_an_output_that_shows_a_password_is_not_planned_again(local_stack):
    local_stack.write("""
        stack: made
        locals: {second: '${words["two"].password}'}
        resources: {words: {type: weir.random, for_each: [one, two], kind: password}, other: {type: weir.random, kind: password}}
        outputs: {second: {value: "${locals.second}", sensitive: true}, other: {value: "${other.password}", sensitive: true}}
    """)
    local_stack.apply()
    assert "No changes" in local_stack.run("plan").out
    local_stack.apply()


def test_without_a_key_nobody_logs_in_with_a_made_up_key(local_stack):
    local_stack.write("""
        stack: made
        connections: {web: {host: 127.0.0.1, user: root, key: "${k.private_key_openssh}"}}
        providers: {host.web: {via: web}}
        resources:
          k: {type: weir.key}
          note: {type: host.file, provider: host.web, path: /tmp/note, content: hi}
    """)
    refused = local_stack.run("plan", status=None)
    assert refused.status != 0 and '"key" of "web" refers to a secret of which the state keeps only a hash' in refused.err, refused
    local_stack.env["WEIR_STATE_KEY"] = KEY
    assert local_stack.plan() == {"k": "create", "note": "create"}


@pytest.mark.parametrize("line, says", [
    ("kind: integer, min: 3, max: 2", "`max` is less than `min`"),
    ("kind: password, exclude: '" + "".join(chr(c) for c in range(33, 122) if chr(c) not in "'\"\\") + "'", "characters are left"),
    ("kind: text, length: 0", "length"), ("kind: letters", "letters")])
def test_what_cannot_be_made_up(local_stack, line, says):
    local_stack.write(f"stack: made\nresources: {{a: {{type: weir.random, {line}}}}}\n")
    result = local_stack.run("apply", "--yes", status=None)
    assert result.status != 0 and says in result.err, str(result)


@pytest.mark.parametrize("algorithm, kind", [("ed25519", "ssh-ed25519"), ("rsa", "ssh-rsa"), ("ecdsa", "ecdsa-sha2-nistp256")])
def test_keys_are_read_by_others(local_stack, algorithm, kind):
    local_stack.env["WEIR_STATE_KEY"] = KEY
    local_stack.write(f"""
        stack: keys
        resources:
          pair:
            type: weir.key
            algorithm: {algorithm}
            comment: me@there
            certificate: {{common_name: db.example, organization: Bücher, dns_names: [db.example, "*.in.example"], ip_addresses: [127.0.0.1, "::1"], days: 10}}
          files: {{type: weir.command, command: 'umask 077; printf %s "$A" > openssh; printf %s "$B" > pem', env: {{A: "${{pair.private_key_openssh}}", B: "${{pair.private_key}}"}}}}
        outputs:
          line: ${{pair.public_key_openssh}}
          fingerprint: ${{pair.fingerprint}}
          expires: ${{pair.expires}}
          public: ${{pair.public_key}}
          certificate: ${{pair.certificate_pem}}
    """)
    local_stack.apply()
    out = local_stack.outputs()

    def said(*command):
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    openssh, pem, certificate = (str(local_stack.folder / name) for name in ("openssh", "pem", "certificate"))
    (local_stack.folder / "certificate").write_text(out["certificate"])
    assert out["line"] == f"{said('ssh-keygen', '-yf', openssh)}" and out["line"].startswith(kind) and out["line"].endswith(" me@there")
    assert said("ssh-keygen", "-lf", openssh).split()[1] == out["fingerprint"]
    public = said("openssl", "pkey", "-in", pem, "-pubout")
    assert public == out["public"].strip() == said("openssl", "x509", "-in", certificate, "-pubkey", "-noout")
    assert said("openssl", "verify", "-x509_strict", "-CAfile", certificate, certificate).endswith("OK") or "CA:FALSE" in said("openssl", "x509", "-in", certificate, "-text", "-noout")
    assert "does match" in said("openssl", "x509", "-in", certificate, "-noout", "-checkhost", "a.in.example")
    assert "does match" in said("openssl", "x509", "-in", certificate, "-noout", "-checkip", "::1")
    assert "Bücher" in said("openssl", "x509", "-in", certificate, "-noout", "-subject", "-nameopt", "utf8")
    assert said("openssl", "x509", "-in", certificate, "-noout", "-enddate", "-dateopt", "iso_8601").split("=")[1].replace(" ", "T") == out["expires"]
    assert "No changes" in local_stack.run("plan").out
    local_stack.destroy()


def test_what_was_made_up_elsewhere(local_stack):
    """It is imported under itself; a password is not."""
    local_stack.write("stack: s\nresources:\n  suffix: {type: weir.random, kind: name}\n  port: {type: weir.random, kind: integer}\n  say: {type: weir.value, value: ['x-${suffix.result}', '${port.result}']}\n"
                      "outputs: {said: '${say.value}'}\nimports:\n  - {address: suffix, id: brave-otter}\n  - {address: port, id: '4711'}\n")
    local_stack.apply()
    assert "brave-otter" in local_stack.run("state", "show", "suffix").out and local_stack.outputs() == {"said": ["x-brave-otter", 4711]}
    local_stack.assert_settled()
    local_stack.write("stack: s\nresources: {p: {type: weir.random, kind: password}}\nimports: [{address: p, id: hunter2}]\n")
    assert "a password is not imported" in local_stack.run("plan", status=3).err
