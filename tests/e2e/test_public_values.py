"""What is in clear elsewhere stays readable, also where it is put into a place that is for secrets."""

STACK = """
    stack: public
    inputs: {flag: {type: string, sensitive: true}}
    resources:
      lake: {type: aws.s3.bucket, name: public-film-lake}
      parameter: {type: aws.ssm.parameter, name: /public/lake, parameter_type: String, value: "${lake.name}"}
    outputs:
      lake: {value: "${lake.name}"}
      shown: {value: "${nonsensitive(inputs.flag)}"}
"""


def test_names_stay_readable(local_stack):
    stack = local_stack
    stack.write(STACK)
    shown = stack.run("plan", "--sandbox", "-i", "flag=enabled-flag-1")
    assert "public-film-lake" in shown.out and "(redacted)" not in shown.out + shown.err
    done = stack.apply("--sandbox", "-i", "flag=enabled-flag-1")
    assert "created lake" in done.out and "public-film-lake" in done.out and "enabled-flag-1" in done.out and "(redacted)" not in done.out + done.err
    assert stack.run("output", "--sandbox", "--raw", "shown").out == "enabled-flag-1"
    assert "public-film-lake" in stack.run("state", "show", "lake", "--sandbox").out
