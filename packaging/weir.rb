# For Homebrew. tools/dist fills in the version, where the files of the release are served (WEIR_RELEASES) and their hashes.
class Weir < Formula
  desc "Declarative provisioning of data-pipeline stacks"
  homepage "@releases@"
  version "@version@"
  license "Apache-2.0"

  on_linux do
    on_intel do
      url "@releases@/weir-@version@-linux-x86_64.tar.gz"
      sha256 "@linux-x86_64@"
    end
    on_arm do
      url "@releases@/weir-@version@-linux-arm64.tar.gz"
      sha256 "@linux-arm64@"
    end
  end
  on_macos do
    on_intel do
      url "@releases@/weir-@version@-macos-x86_64.tar.gz"
      sha256 "@macos-x86_64@"
    end
    on_arm do
      url "@releases@/weir-@version@-macos-arm64.tar.gz"
      sha256 "@macos-arm64@"
    end
  end

  def install
    bin.install "bin/weir"
    man1.install "share/man/man1/weir.1.gz"
    bash_completion.install "share/bash-completion/completions/weir"
    zsh_completion.install "share/zsh/site-functions/_weir"
    fish_completion.install "share/fish/vendor_completions.d/weir.fish"
    doc.install "LICENSES"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/weir version")
  end
end
